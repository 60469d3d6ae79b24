"""Dynamic loading, which no code of a stack does: what is imported can be read in the code."""

import ast

MODULES = ("importlib", "pkgutil")
FUNCTIONS = {"__import__", "eval", "exec", "compile", "globals", "vars"}
BY_NAME = ("getattr", "setattr")


def loads_dynamically(node: ast.AST) -> bool:
    """Whether a node loads code, or finds it, by a name that only a run can tell."""
    if isinstance(node, ast.Import):
        return any(alias.name.split(".")[0] in MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")[0] in MODULES
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in BY_NAME:
            return len(node.args) < 2 or not isinstance(node.args[1], ast.Constant)
        return node.func.id in FUNCTIONS
    return False

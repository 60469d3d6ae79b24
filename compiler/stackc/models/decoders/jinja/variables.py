"""Which statement of a template reads or assigns which variable, and in whose scope."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from jinja2 import nodes

Use = Literal["read", "set"]
Statements = list[nodes.Node]


@dataclass(frozen=True)
class Block:
    """A body with a scope of its own: ``bound`` are its variables that are set on entry."""

    body: Statements
    bound: tuple[str, ...] = ()
    reads: Sequence[nodes.Node] = ()


@dataclass(frozen=True)
class Shape:
    """What a statement does to variables, in this order: reads, runs a branch or blocks, sets."""

    reads: Sequence[nodes.Node] = ()
    branches: Sequence[Statements] = ()
    exhaustive: bool = False
    blocks: Sequence[Block] = ()
    sets: tuple[str, ...] = ()


def shape(node: nodes.Node) -> Shape:
    """The shape of a statement; branches have no scope of their own, all other bodies have."""
    match node:
        case nodes.If():
            tests = [node.test, *(branch.test for branch in node.elif_)]
            bodies = [node.body, *(branch.body for branch in node.elif_), node.else_]
            return Shape(tests, bodies, exhaustive=bool(node.else_))
        case nodes.For():
            filters = [node.test] if node.test else []
            body = Block(node.body, ("loop", *targets(node.target)), filters)
            return Shape([node.iter], blocks=[body, Block(node.else_)])
        case nodes.Assign():
            changed = [node.target] if isinstance(node.target, nodes.NSRef) else []
            return Shape([node.node, *changed], sets=targets(node.target))
        case nodes.AssignBlock():
            reads = [node.filter] if node.filter else []
            return Shape(reads, blocks=[Block(node.body)], sets=targets(node.target))
        case nodes.Macro():
            body = Block(node.body, tuple(argument.name for argument in node.args))
            return Shape(node.defaults, blocks=[body], sets=(node.name,))
        case nodes.With():
            bound = tuple(name for target in node.targets for name in targets(target))
            return Shape(node.values, blocks=[Block(node.body, bound)])
        case nodes.FilterBlock():
            return Shape([node.filter], blocks=[Block(node.body)])
        case nodes.Scope():
            return Shape(blocks=[Block(node.body)])
    return Shape([node])


def targets(target: nodes.Node) -> tuple[str, ...]:
    """The variables that an assignment's target sets."""
    if isinstance(target, nodes.Name):
        return (target.name,)
    return tuple(found.name for found in target.find_all(nodes.Name))


def assigned(body: Iterable[nodes.Node]) -> list[str]:
    """The variables that a body assigns in its own scope, once for each assignment."""
    found: list[str] = []
    for node in body:
        outline = shape(node)
        found += outline.sets
        for branch in outline.branches:
            found += assigned(branch)
    return found


def first_use(body: Iterable[nodes.Node], name: str) -> Use | None:
    """Whether a body may read a variable before it has surely set it, sets it, or neither."""
    for node in body:
        outline = shape(node)
        if _reads(outline.reads, name) or _blocks_read(outline.blocks, name):
            return "read"
        uses = [first_use(branch, name) for branch in outline.branches]
        if "read" in uses:
            return "read"
        if name in outline.sets or (outline.exhaustive and all(use == "set" for use in uses)):
            return "set"
    return None


def is_read(body: Iterable[nodes.Node], name: str) -> bool:
    """Whether anything reads the variable of this scope."""
    outlines = [shape(node) for node in body]
    return any(
        _reads(outline.reads, name)
        or _blocks_read(outline.blocks, name)
        or any(is_read(branch, name) for branch in outline.branches)
        for outline in outlines
    )


def without_unread(body: Iterable[nodes.Node]) -> list[nodes.Node]:
    """The statements of a scope but for the assignments to variables that nothing reads.

    Bodies inside are changed in place; theirs come first, so that what only they read is unread.
    """
    kept = list(body)
    for inner in _inner_bodies(kept):
        inner[:] = without_unread(inner)
    before: list[str] = []
    while (found := assigned(kept)) != before:
        before = found
        kept = _unassigned(kept, {name for name in found if not is_read(kept, name)})
    return kept


def _inner_bodies(body: Iterable[nodes.Node]) -> list[list[nodes.Node]]:
    """The bodies with scopes of their own in a scope."""
    found = []
    for node in body:
        outline = shape(node)
        found += [block.body for block in outline.blocks]
        for branch in outline.branches:
            found += _inner_bodies(branch)
    return found


def _unassigned(body: Iterable[nodes.Node], names: set[str]) -> list[nodes.Node]:
    kept = []
    for node in body:
        outline = shape(node)
        for branch in outline.branches:
            branch[:] = _unassigned(branch, names)
        if not (outline.sets and set(outline.sets) <= names):
            kept.append(node)
    return kept


def _blocks_read(blocks: Iterable[Block], name: str) -> bool:
    """A block sees the outer variable unless it binds the name, or sets it before it reads it."""
    return any(
        name not in block.bound
        and (
            _reads(block.reads, name)
            or (
                first_use(block.body, name) == "read"
                if name in assigned(block.body)
                else is_read(block.body, name)
            )
        )
        for block in blocks
    )


def _reads(expressions: Iterable[nodes.Node], name: str) -> bool:
    return any(_reads_here(node, name) for node in expressions)


def _reads_here(node: nodes.Node, name: str) -> bool:
    used = [node, *node.find_all((nodes.Name, nodes.NSRef))]
    return any(isinstance(each, nodes.Name | nodes.NSRef) and each.name == name for each in used)

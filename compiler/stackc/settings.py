"""Settings: each environment variable of a stack as a typed field of its `settings.py`."""

from dataclasses import dataclass
from typing import Any

from stackc.literals import constant, shell
from stackc.values import Kind, Static
from stackc.variables import Variable


@dataclass(frozen=True)
class Setting:
    """A field: `needed_with` lists the variables that make it needed, where it is not always."""

    field: str
    variable: str
    kind: Kind
    secret: bool
    required: bool
    default: Static
    needed_with: tuple[str, ...]

    @property
    def optional(self) -> bool:
        """Whether the field may be None."""
        return not self.required and self.default is None

    @property
    def annotation(self) -> str:
        """The type of the field, as generated code says it."""
        name = "SecretStr" if self.secret else _TYPES[self.kind]
        return f"{name} | None" if self.optional else name

    @property
    def assigned(self) -> str:
        """What stands behind the annotation: the default, if there is one."""
        if self.required:
            return ""
        default = constant(self.default)
        secret = self.secret and self.default is not None
        if secret:
            default = f"SecretStr({default})"
        if not self.needed_with:
            return f" = field(default={default})" if secret else f" = {default}"
        variables = ", ".join(constant(variable) for variable in self.needed_with)
        return f' = field(default={default}, metadata={{"needed_with": [{variables}]}})'

    @property
    def remark(self) -> str:
        """What a reader of `.env.example` should know, in a sentence."""
        noun = "A secret" if self.secret else _NOUNS[self.kind]
        if self.required:
            return f"{noun}, needed."
        if self.needed_with:
            return f"{noun}, needed where {' or '.join(self.needed_with)} is set."
        return f"{noun}."

    @property
    def example(self) -> str:
        """The default as `.env.example` shows it; that of a secret is not shown."""
        if self.default is None or self.secret:
            return ""
        return str(self.default).lower() if self.kind == "boolean" else str(self.default)

    @property
    def line(self) -> str:
        """The setting in `.env.example`, commented out where the stack starts without it."""
        line = f"{self.variable}={shell(self.example)}"
        return line if self.required else "#" + line.replace("\n", "\n#")

    @property
    def shown_default(self) -> str:
        """The default as a cell of a table."""
        return f"`{self.example}`" if self.example else ""

    def as_json(self) -> dict[str, Any]:
        """The setting as plan.json shows it; a secret's default is not shown."""
        return {
            "variable": self.variable,
            "kind": self.kind,
            "secret": self.secret,
            "required": self.required,
            "default": None if self.secret else self.default,
            "needed_with": list(self.needed_with),
        }


def setting_of(variable: Variable) -> Setting:
    """The setting that a variable becomes."""
    return Setting(
        field=variable.name.lower(),
        variable=variable.name,
        kind=variable.kind,
        secret=variable.secret,
        required=variable.required,
        default=variable.default,
        needed_with=variable.needed_with,
    )


_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}

_NOUNS = {
    "string": "A text",
    "integer": "An integer",
    "number": "A number",
    "boolean": "`true` or `false`",
}

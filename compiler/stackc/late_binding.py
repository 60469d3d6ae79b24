"""How a checked value becomes an expression: constants as they are, references as settings."""

import re
from collections.abc import Iterator

from stackc import environment
from stackc.expressions import (
    Call,
    Conditional,
    Constant,
    DictOf,
    Expression,
    Formatted,
    ListOf,
    Method,
    Reference,
)
from stackc.settings import Setting
from stackc.stack import Provider
from stackc.values import Array, Checked, LateBound, Object, Static, coerce

MASK = "********"


class Binding:
    """Binds references to the settings of one stack.

    `inside` is the variable that is known to be set where the code stands, if there is one.
    """

    def __init__(self, settings: tuple[Setting, ...], inside: str | None = None) -> None:
        self._all = settings
        self._settings = {setting.variable: setting for setting in settings}
        self._inside = inside

    def within(self, provider: Provider) -> "Binding":
        """The same where a provider is constructed: what enables it is set there."""
        return Binding(self._all, provider.enabled_by)

    def arguments(self, provider: Provider) -> tuple[tuple[str, Expression], ...]:
        """The keyword arguments of a provider's constructor, in the order of its schema."""
        type_ = provider.type
        properties = type_.config.get("properties", {})
        composed = dict(self._composed(provider))
        used = {name for pattern in type_.arguments.values() for name in _placeholders(pattern)}
        plain = {
            name: self._field(provider.config.get(name), schema)
            for name, schema in properties.items()
            if name in provider.config and name not in used
        }
        return tuple({**composed, **plain}.items())

    def _composed(self, provider: Provider) -> Iterator[tuple[str, Expression]]:
        """Arguments that the catalog spells as a pattern of config fields, such as `{url}/v1`."""
        for name, pattern in provider.type.arguments.items():
            (field,) = _placeholders(pattern)
            schema = provider.type.config["properties"][field]
            value = provider.config.get(field)
            if field not in provider.config:
                value = schema.get("default")
            if value is None and "default" not in schema:
                continue
            before, after = pattern.split("{" + field + "}")
            if before or after:
                yield name, self.text(before, value, after)
            else:
                yield name, self._field(value, schema)

    def _field(self, value: Checked, schema: dict[str, object]) -> Expression:
        if schema.get("format") == "password" and not isinstance(value, LateBound) and value:
            return _secret(Constant(str(value)))
        return self.expression(value)

    def expression(self, value: Checked) -> Expression:
        """The expression of a value."""
        if isinstance(value, Object):
            return DictOf(tuple((key, self.expression(each)) for key, each in value.fields))
        if isinstance(value, Array):
            return ListOf(tuple(self.expression(each) for each in value.items))
        if not isinstance(value, LateBound):
            return Constant(value)
        if value.only:
            return self._single(value, value.only)
        text = Formatted(tuple(map(self._part, value.text.parts)))
        return _secret(text) if value.secret else text

    def text(self, before: str, value: Checked, after: str = "") -> Expression:
        """A text with the value in it; it is a constant where the value is."""
        if not isinstance(value, LateBound):
            return Constant(f"{before}{value}{after}")
        parts = (before, *map(self._part, value.text.parts), after)
        return Formatted(tuple(part for part in parts if part != ""))

    def _single(self, value: LateBound, reference: environment.Reference) -> Expression:
        setting = self._settings[reference.name]
        given = coerce(reference.operand, value.kind) if reference.operand else value.fallback
        inside = setting.variable == self._inside
        if reference.operator == ":+":
            then, otherwise = _constant(value, given), _constant(value, value.fallback)
            return then if inside else Conditional(_is_set(setting), then, otherwise)
        found = _name(setting) if value.secret else _revealed(setting)
        if not setting.optional or inside:
            return found
        if value.needs(reference) and self._inside:
            return _needed(setting, secret=value.secret)
        if value.needs(reference) and value.kind == "string":
            given = ""  # for a model whose provider is not there
        if given is None and found == _name(setting):
            return found
        return Conditional(_is_set(setting), found, _constant(value, given))

    def _part(self, part: str | environment.Reference) -> str | Expression:
        if isinstance(part, str):
            return part
        setting = self._settings[part.name]
        if part.operator == ":+":
            return Conditional(_is_set(setting), Constant(part.operand), Constant(""))
        if setting.optional and setting.variable != self._inside:
            return Conditional(_is_set(setting), _revealed(setting), Constant(part.operand))
        return _revealed(setting)


def _secret(text: Expression) -> Expression:
    return Call("SecretStr", (("", text),))


def _constant(value: LateBound, given: Static) -> Expression:
    return _secret(Constant(given)) if value.secret and given is not None else Constant(given)


def _needed(setting: Setting, *, secret: bool) -> Expression:
    """A setting that only the provider around it needs: checked when the settings are read."""
    needed = Call("needed", (("", _name(setting)),))
    return Method(needed, "get_secret_value") if setting.secret and not secret else needed


def _is_set(setting: Setting) -> Reference:
    return Reference(f"settings.{setting.field} is not None")


def _name(setting: Setting) -> Reference:
    return Reference(f"settings.{setting.field}")


def _revealed(setting: Setting) -> Reference:
    return Reference(f"settings.{setting.field}{'.get_secret_value()' if setting.secret else ''}")


def shown(provider: Provider) -> Expression:
    """The configuration as GET /v1/providers shows it: as it was written, secrets masked."""
    properties = provider.type.config.get("properties", {})
    return DictOf(
        tuple(
            (name, _shown(value, properties.get(name, {}).get("format") == "password"))
            for name, value in sorted(provider.config.fields)
        )
    )


def _shown(value: Checked, secret: bool) -> Expression:
    if secret:
        return Constant(MASK if value is not None else None)
    if isinstance(value, LateBound):
        return Constant(str(value.text))
    if isinstance(value, Object):
        return DictOf(tuple((key, _shown(each, False)) for key, each in value.fields))
    if isinstance(value, Array):
        return ListOf(tuple(_shown(each, False) for each in value.items))
    return Constant(value)


def _placeholders(pattern: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", pattern)

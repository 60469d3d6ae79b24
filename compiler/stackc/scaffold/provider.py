"""`stackc new provider`: the class, the entry of the catalog, a test."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from stackc.catalog import Api, Catalog, JsonSchema, ProviderType, Symbol
from stackc.names import identifier
from stackc.scaffold.checkout import Checkout, ScaffoldError, class_name, render
from stackc.scaffold.layout import enclosed, imports, one_each
from stackc.scaffold.parameters import Argument, arguments_of
from stackc.scaffold.protocol import Method, methods_of

TYPE_FORM = r"(?:inline|remote)(?:::[a-z0-9]+(?:[-_][a-z0-9]+)*)+"

LONGEST_SUMMARY = 90
"""Letters that a docstring has room for."""


@dataclass(frozen=True)
class Names:
    """What the provider is called in each place."""

    api: str
    type: str

    @property
    def word(self) -> str:
        """Its type without where it runs."""
        return self.type.partition("::")[2].replace("::", "-")

    @property
    def module(self) -> str:
        """Its module, below that of its API."""
        return identifier(self.word)

    @property
    def symbol(self) -> Symbol:
        """Its class."""
        return Symbol(f"stackrt.providers.{self.api}.{self.module}", class_name(self.word))

    @property
    def entry(self) -> str:
        """Its file in the catalog."""
        return f"schemas/providers/{self.api}/{self.type.replace('::', '__')}.yaml"


def add_provider(checkout: Checkout, api: str, type_: str) -> list[str]:
    """Writes the files; returns their paths. Raises ScaffoldError."""
    catalog = Catalog(checkout.root / "schemas")
    names = Names(api, type_)
    protocol = _protocol(_api(api, catalog))
    if not re.fullmatch(TYPE_FORM, type_):
        raise ScaffoldError(
            f"`{type_}` is no provider type: it is `inline::` or `remote::`, then small letters "
            "and digits, words joined by `-` or `_`"
        )
    known = catalog.provider(api, type_)
    if known and not known.planned:
        raise ScaffoldError(f"`{names.entry}` is there already")
    entry = _entry(names, known, checkout)
    config = known.config if known else _config(entry)
    methods = methods_of(protocol, checkout.root / "runtime" / "stackrt")
    arguments = tuple(arguments_of(config))
    files = dict(_python(names, known, protocol, methods, arguments, checkout))
    changed = {names.entry: entry}
    return checkout.add(*((files, changed) if known else ({**changed, **files}, {})))


def _api(name: str, catalog: Catalog) -> Api:
    if name not in catalog.api_names:
        raise ScaffoldError(f"there is no API `{name}`: `stackc new api {name}` makes one")
    return catalog.api(name)


def _protocol(api: Api) -> Symbol:
    if api.protocol is None:
        raise ScaffoldError(
            f"schemas/apis/{api.name}.yaml names no `protocol`, which says what a provider of "
            f"`{api.name}` must have"
        )
    return api.protocol


def _entry(names: Names, known: ProviderType | None, checkout: Checkout) -> str:
    """The entry of the catalog; where there is a planned one, that with a class."""
    symbol = f"{names.symbol.module}:{names.symbol.name}"
    if known is None:
        return render("provider.yaml", names=names, symbol=symbol)
    planned = re.compile(r"^status: planned\b.*$", re.MULTILINE)
    return planned.sub(f"class: {symbol}", checkout.read(names.entry), count=1)


def _config(entry: str) -> JsonSchema:
    config: JsonSchema = YAML(typ="safe", pure=True).load(entry)["config"]
    return config


def _python(
    names: Names,
    known: ProviderType | None,
    protocol: Symbol,
    methods: tuple[Method, ...],
    arguments: tuple[Argument, ...],
    checkout: Checkout,
) -> Iterator[tuple[str, str]]:
    summary = known.summary if known else f"{names.word.capitalize()}."
    values: dict[str, Any] = {
        "names": names,
        "summary": summary if len(summary) <= LONGEST_SUMMARY else f"`{names.type}`.",
        "protocol": protocol,
        "methods": [_Written(each, names) for each in methods],
        "arguments": arguments,
    }
    package = f"runtime/stackrt/providers/{names.api}"
    if not (checkout.root / package).is_dir():
        yield f"{package}/__init__.py", f'"""Providers of the {names.api} API."""\n'
    constructor = one_each("def __init__(", _keywords(arguments), ") -> None:", "    ")
    groups = _groups(methods, arguments)
    yield (
        f"{package}/{names.module}.py",
        render("provider.py", **values, constructor=constructor, imports=groups),
    )
    test = f"tests/runtime/providers/{names.api}/{_test_name(names, checkout)}.py"
    yield (
        test,
        render("test_provider.py", **values, imports=_test_imports(names, protocol, arguments)),
    )


def _keywords(arguments: tuple[Argument, ...]) -> tuple[str, ...]:
    return ("self", "*", *map(str, arguments)) if arguments else ("self",)


def _groups(methods: tuple[Method, ...], arguments: tuple[Argument, ...]) -> list[str]:
    """The imports of a provider: the standard library's, those of others, our own."""
    used = {symbol for each in methods for symbol in each.uses}
    used |= {symbol for each in arguments for symbol in each.uses}
    used.add(Symbol("stackrt.errors", "unsupported"))
    standard = {symbol for symbol in used if symbol.module in ("collections.abc", "typing")}
    own = {symbol for symbol in used if symbol.module.startswith("stackrt.")}
    groups = (standard, used - standard - own, own)
    return ["\n".join(imports(group)) for group in groups if group]


def _test_imports(names: Names, protocol: Symbol, arguments: tuple[Argument, ...]) -> str:
    sampled = {symbol for each in arguments if each.sample for symbol in each.uses}
    others = {symbol for symbol in sampled if symbol.name == "SecretStr"}
    own = {protocol, names.symbol, Symbol("stackrt.errors", "ApiError")}
    return "\n".join(imports(others | own))


def _test_name(names: Names, checkout: Checkout) -> str:
    """The name of the test's module, which no other one may have."""
    taken = {path.stem for path in (checkout.root / "tests").rglob("test_*.py")}
    name = f"test_{names.module}"
    return name if name not in taken else f"test_{names.api}_{names.module}"


class _Written:
    """A method of the new class, as it is written."""

    def __init__(self, method: Method, names: Names) -> None:
        self.method = method
        self._names = names

    @property
    def is_flag(self) -> bool:
        """Whether it is a property that says yes or no."""
        return self.method.is_property and self.method.returns == "bool"

    @property
    def signature(self) -> str:
        end = f") -> {self.method.returns}:"
        start = f"def {self.method.name}("
        if self.method.is_property:
            return enclosed(f"    @property\n    {start}", ("self",), end)
        return enclosed(f"async {start}", self.method.written_parameters, end, "    ")

    @property
    def refuses(self) -> bool:
        """Whether it answers that this cannot be done."""
        return not self.method.is_property and self.method.name not in _ANSWERS

    @property
    def body(self) -> str:
        """Its one statement; nothing where its docstring is all."""
        if self.method.name in _ANSWERS:
            return _ANSWERS[self.method.name]
        return f'raise unsupported("{self.method.capability}", {self._owner})'

    @property
    def about(self) -> str:
        return _ABOUT.get(self.method.name) or self.method.about

    @property
    def call(self) -> str:
        """A call of it with something for each parameter."""
        given = [
            f"{each.name}=ANY" if each.keyword_only else "ANY"
            for each in self.method.parameters
            if not each.default
        ]
        return f"provider.{self.method.name}({', '.join(given)})"

    @property
    def _owner(self) -> str:
        """Who cannot do it: the provider of the model that was asked for, or the type."""
        models = (each.name for each in self.method.parameters if each.annotation == "Model")
        model = next(models, None)
        return f"{model}.provider_id" if model else f'"{self._names.word}"'


_ANSWERS = {
    "open": "",
    "close": "",
    "health": 'return Health(status="Not Implemented")',
    "list_models": "return ()",
}
"""The bodies of methods that have something to answer."""

_ABOUT = {
    "open": "Does nothing: connects on first use.",
    "close": "Does nothing: nothing is open.",
    "health": "Nothing is known of it yet.",
    "list_models": "Nothing beyond what is declared.",
}

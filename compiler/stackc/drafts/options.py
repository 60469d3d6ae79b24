"""A draft from the options of the command line, for scripts."""

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence

from stackc.catalog import Catalog, JsonSchema, ProviderType
from stackc.diagnostics.suggest import nearest
from stackc.drafts.answers import AnswerError, value_of, variable_of
from stackc.drafts.draft import (
    SUGGESTED_MODELS,
    SUGGESTED_PROVIDER,
    Draft,
    DraftModel,
    DraftProvider,
    ids_of,
)
from stackc.drafts.fields import Wanted


class MisuseError(ValueError):
    """Options that make no draft, with what is wrong about them."""


def draft_of(options: Namespace, catalog: Catalog, name: str) -> Draft:
    """The draft that the options make; `--yes` stands for what is suggested. Raises MisuseError."""
    missing = [
        option
        for option, given in (("--name", options.name), ("--provider", options.provider))
        if not given and not options.yes
    ]
    if missing:
        raise MisuseError(
            f"there is no terminal to ask on: give {' and '.join(missing)}, "
            "or --yes for what is suggested"
        )
    asked = options.provider or ["=".join(SUGGESTED_PROVIDER)]
    types = [_type(text, catalog) for text in asked]
    providers = tuple(_providers(types, options))
    return Draft(options.name or name, providers, tuple(_models(providers, options)), options.port)


def _type(text: str, catalog: Catalog) -> ProviderType:
    api, type_ = _pair(text, "--provider", "API=TYPE")
    if api not in catalog.api_names:
        raise MisuseError(f"there is no API `{api}`{_hint(api, catalog.api_names)}")
    found = catalog.provider(api, type_)
    if found is None:
        known = catalog.provider_types(api)
        raise MisuseError(f"`{api}` has no provider type `{type_}`{_hint(type_, known)}")
    if found.planned:
        raise MisuseError(f"`{type_}` of `{api}` is not supported yet")
    return found


def _providers(types: Sequence[ProviderType], options: Namespace) -> Iterator[DraftProvider]:
    ids = ids_of(types)
    switches = dict(_switches(ids, options.switch))
    values = _values(dict(zip(ids, types, strict=True)), options.config)
    for type_, id_ in zip(types, ids, strict=True):
        yield DraftProvider(type_, Wanted(id_, switches.get(id_), values[id_]))


def _switches(ids: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        id_, name = _pair(text, "--switch", "ID=VARIABLE")
        try:
            yield _one_of(id_, ids, "--switch"), variable_of(name)
        except AnswerError as error:
            raise MisuseError(f"--switch {text}: {error}") from None


def _values(
    types: Mapping[str, ProviderType], texts: Sequence[str]
) -> dict[str, dict[str, object]]:
    """The given values of each provider's config, by path."""
    values: dict[str, dict[str, object]] = {id_: {} for id_ in types}
    for text in texts:
        path, value = _pair(text, "--config", "ID.KEY=VALUE")
        id_, _, key = path.partition(".")
        field = _field(types[_one_of(id_, tuple(types), "--config")], key)
        try:
            values[id_][key] = value_of(value, field)
        except AnswerError as error:
            raise MisuseError(f"--config {path}: {error}") from None
    return values


def _field(type_: ProviderType, path: str) -> JsonSchema:
    field = type_.config
    for key in path.split("."):
        known = field.get("properties", {})
        if key not in known:
            raise MisuseError(f"`{type_.type}` has no key `{path}`{_hint(key, known)}")
        field = known[key]
    return field


def _models(providers: Sequence[DraftProvider], options: Namespace) -> Iterator[DraftModel]:
    compiling = [each.wanted.id for each in providers if each.type.compiled_models]
    given = [_pair(text, "--model", "ID=SOURCE") for text in options.model]
    if given and not compiling:
        raise MisuseError("--model needs a provider that compiles models, such as inline::onnx")
    if compiling and not given and not options.yes:
        raise MisuseError(
            f"`{compiling[0]}` needs --model ID=SOURCE, or --yes for what is suggested"
        )
    for name, source in given or SUGGESTED_MODELS if compiling else ():
        yield DraftModel(name, compiling[0], source)


def _one_of(id_: str, ids: Sequence[str], option: str) -> str:
    if id_ not in ids:
        raise MisuseError(f"{option}: there is no provider `{id_}`; there are {', '.join(ids)}")
    return id_


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    one, equals, other = text.partition("=")
    if not (one and equals and other):
        raise MisuseError(f"{option} takes {form}, not `{text}`")
    return one, other


def _hint(word: str, known: Iterable[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean `{near}`?" if near else ""

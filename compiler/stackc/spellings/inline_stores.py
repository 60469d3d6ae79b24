"""Databases that are written where they are used, as before 0.3: now each is a backend with a name."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import PurePosixPath

from stackc.catalog import Catalog, JsonSchema, ProviderType
from stackc.diagnostics import warnings
from stackc.diagnostics.report import Diagnostic
from stackc.source import Span
from stackc.spellings.changes import Move, Path, Put, Remove, Rename, applied, found
from stackc.spellings.rules import Noted
from stackc.tree import Entry, Mapping, Scalar, Sequence, Value, plain

ROOT = {
    "metadata_store": ("metadata", "kv", "registry"),
    "inference_store": ("inference", "sql", "inference_store"),
    "conversations_store": ("conversations", "sql", "openai_conversations"),
}
"""Stores at the root: their name today, their kind, their namespace or table."""

AGENTS = {"persistence_store": "agent_state", "responses_store": "responses"}
"""Stores of the agents' provider, which stand under `persistence` today."""


def inline_stores(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Every inline database becomes a backend, equal ones the same, and a reference to it."""
    moves = [*_moved_keys(root), *_renamed_keys(root, catalog)]
    yield from moves
    for change, _ in moves:
        root = applied(root, change)
    told = {note.primary.span for _, note in moves if note}
    backends = _Backends(_existing(root))
    for key, (name, kind, within) in ROOT.items():
        entry = root.entry(key)
        path: Path = ("storage", "stores", name)
        if entry and isinstance(entry.value, Mapping) and found(root, path) is None:
            yield from backends.referred(path, entry.value, kind, within, entry.key_span)
            yield Remove((key,)), _note(f"`{key}`", f"`storage.stores.{name}`", entry.key_span)
    for path, value, kind, within, place in _in_configs(root, catalog):
        yield from backends.referred(path, value, kind, within, place)
        note = _note("a database in a provider's config", "as a backend of `storage`", place)
        backend = Put((*path, "backend"), _text(backends.last, place))
        yield backend, None if place in told else note


@dataclass
class _Backends:
    """The backends that there are, and those that come: what each is, and what that is called."""

    known: dict[str, str]
    last: str = field(default="")
    names: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, backend in self.known.items():
            self.names.setdefault(backend, name)

    def referred(
        self, path: Path, value: Mapping, kind: str, within: str, place: Span
    ) -> Iterator[Noted]:
        """Puts a reference where the database was written, and its backend where it is new."""
        own = "namespace" if kind == "kv" else "table_name"
        fields = tuple(each for each in value.entries if each.key != own)
        type_ = _typed(value, kind)
        entries = tuple(_retyped(each, type_) for each in fields)
        backend = Mapping(entries, value.span)
        self.last = self._name(kind, plain(backend))
        if self.last not in self.known:
            self.known[self.last] = _comparable(plain(backend))
            self.names[self.known[self.last]] = self.last
            yield Put(("storage", "backends", self.last), backend, place), None
        given = value.get(own)
        kept = given if isinstance(given, Scalar) and given.value else _text(within, place)
        pairs = (("backend", _text(self.last, place)), (own, kept))
        made = Mapping(tuple(Entry(key, place, each) for key, each in pairs), place)
        yield Put(path, made, place), None

    def _name(self, kind: str, backend: dict[str, object]) -> str:
        if _comparable(backend) in self.names:
            return self.names[_comparable(backend)]
        base = f"{kind}_default"
        if base in self.known:
            stem = PurePosixPath(str(backend.get("db_path", ""))).stem
            base = f"{kind}_{stem or str(backend['type']).rpartition('_')[2]}"
        names = chain((base,), (f"{base}_{number}" for number in count(2)))
        return next(each for each in names if each not in self.known)


def _moved_keys(root: Mapping) -> Iterator[Noted]:
    for path, config in _configs(root):
        for old, new in AGENTS.items():
            entry = config.entry(old) if path[1] == "agents" else None
            if entry:
                note = _note(f"`{old}`", f"`persistence.{new}`", entry.key_span)
                yield Move((*path, old), (*path, "persistence", new)), note


def _renamed_keys(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """What is called `persistence` today was called `kvstore`."""
    for path, config in _configs(root):
        known, entry = _type(root, path, catalog), config.entry("kvstore")
        keys = known.config.get("properties", {}) if known else {}
        if entry and "kvstore" not in keys and "x-store" in keys.get("persistence", {}):
            note = _note("`kvstore`", "`persistence`", entry.key_span)
            yield Rename((*path, "kvstore"), "persistence"), note


def _type(root: Mapping, path: Path, catalog: Catalog) -> ProviderType | None:
    """The type of the provider whose config is at a path, where the catalog has it."""
    api = str(path[1])
    type_ = _scalar(root, (*path[:-1], "provider_type"))
    return catalog.provider(api, type_) if api in catalog.api_names else None


def _comparable(backend: dict[str, object]) -> str:
    """A backend as a text that is the same for equal ones."""
    return json.dumps(backend, sort_keys=True, default=str)


def _existing(root: Mapping) -> dict[str, str]:
    storage = root.get("storage")
    backends = storage.get("backends") if isinstance(storage, Mapping) else None
    entries = backends.entries if isinstance(backends, Mapping) else ()
    return {entry.key: _comparable(plain(entry.value)) for entry in entries}


def _in_configs(root: Mapping, catalog: Catalog) -> Iterator[tuple[Path, Mapping, str, str, Span]]:
    """The inline databases of providers: where, what, of which kind, called what."""
    for path, config in _configs(root):
        known = _type(root, path, catalog)
        if known:
            name = f"{known.api}_{known.type.rpartition('::')[2]}".replace("-", "_")
            yield from _inline(config, known.config, path, name)


def _inline(
    config: Mapping, schema: JsonSchema, path: Path, name: str
) -> Iterator[tuple[Path, Mapping, str, str, Span]]:
    for entry in config.entries:
        known = schema.get("properties", {}).get(entry.key, {})
        if not isinstance(entry.value, Mapping):
            continue
        if "x-store" not in known:
            yield from _inline(entry.value, known, (*path, entry.key), name)
        elif entry.value.get("backend") is None and entry.value.get("type") is not None:
            yield (*path, entry.key), entry.value, str(known["x-store"]), name, entry.key_span


def _configs(root: Mapping) -> Iterator[tuple[Path, Mapping]]:
    apis = root.get("providers")
    for api in apis.entries if isinstance(apis, Mapping) else ():
        items = api.value.items if isinstance(api.value, Sequence) else ()
        for index, provider in enumerate(items):
            config = provider.get("config") if isinstance(provider, Mapping) else None
            if isinstance(config, Mapping):
                yield ("providers", api.key, index, "config"), config


def _scalar(root: Value | None, path: Path) -> str:
    value = found(root, path)
    return str(value.value) if isinstance(value, Scalar) else ""


def _typed(value: Mapping, kind: str) -> str:
    """The type of the backend: `sqlite` is `kv_sqlite` or `sql_sqlite` by what it holds."""
    written = value.get("type")
    text = str(written.value) if isinstance(written, Scalar) else "sqlite"
    return text if text.startswith(("kv_", "sql_")) else f"{kind}_{text}"


def _retyped(entry: Entry, type_: str) -> Entry:
    if entry.key != "type":
        return entry
    return Entry(entry.key, entry.key_span, _text(type_, entry.value.span))


def _text(text: str, span: Span) -> Scalar:
    return Scalar(text, text, span)


def _note(old: str, new: str, span: Span) -> Diagnostic:
    return warnings.old_spelling(old, new, span)

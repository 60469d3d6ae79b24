"""The licence of a model, as far as its file or its source says it."""

from collections.abc import Mapping
from pathlib import Path

from stackc.models.errors import ModelError
from stackc.models.formats.gguf import MAGIC, GgufFile
from stackc.models.sources.source import ModelSource
from stackc.supply.licences import named
from stackc.supply.metadata import licence_of_release

Said = tuple[str | None, str | None]
"""A licence and who says it, or two times None."""


def licence_of_model(source: ModelSource, files: Mapping[str, Path]) -> Said:
    """What the file says of itself, else what is said of the package or repository it is from.

    The two can differ: a package may put another licence on its code than the model has.
    """
    if licence := _of_files(files):
        return licence, "file"
    licence = _of_source(source)
    return licence, _KINDS[source.kind] if licence else None


_KINDS = {"pypi": "package", "hf": "repository", "file": "file"}


def _of_files(files: Mapping[str, Path]) -> str | None:
    """The metadata `general.license` of a GGUF file."""
    for name, path in files.items():
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                continue
        with GgufFile(path, name=name) as gguf:
            return named(str(gguf.metadata.get("general.license") or ""))
    return None


def _of_source(source: ModelSource) -> str | None:
    if source.kind == "pypi":
        return licence_of_release(source.package, source.version)
    if source.kind == "hf":
        from stackc.models.sources import hub  # has a client for HTTP

        try:
            return named(hub.licence_of(source) or "")
        except ModelError:  # the files are there, and a licence that is not told stops nothing
            return None
    return None

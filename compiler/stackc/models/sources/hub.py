"""Model files from a hub that speaks the protocol of huggingface.co, through its client library.

The library knows where the hub is (`HF_ENDPOINT`), who asks (`HF_TOKEN`, or the token that its login
left in the user's cache), whether the network may be used (`HF_HUB_OFFLINE`), how long to wait for an
answer (`HF_HUB_DOWNLOAD_TIMEOUT`), and what an answer means. Its own downloads begin anew after an
interruption and ask a silent hub again for minutes, so the bytes are read here: with the ranges of
HTTP (RFC 9110, section 14), straight into the cache.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final

from huggingface_hub import (
    HfApi,
    constants,
    get_session,
    hf_hub_url,
    hf_raise_for_status,
)
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from stackc.models.errors import FetchError
from stackc.models.sources.blobs import Blobs
from stackc.models.sources.hub_errors import (
    Repository,
    hub_errors,
    is_transient,
    token_for,
    unreadable,
)
from stackc.version import VERSION

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FROM_THE_START: Final = (HTTPStatus.OK, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
_ATTEMPTS: Final = 4
"""How often in a row a download may come no byte further."""


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: its name there, and its size in bytes and hash if they are known."""

    name: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class FetchedFile:
    """A file in the cache, with its real hash and size in bytes."""

    path: Path
    sha256: str
    size: int


def commit_of(source: Repository) -> str:
    """The commit that the source's revision is now, as 40 hexadecimal digits.

    Raises:
        FetchError: the hub does not say.
    """
    with hub_errors(source):
        commit = _info(source).sha
        if commit is None or not _COMMIT.fullmatch(commit):
            raise unreadable(source)
        return commit


def files_of(source: Repository) -> dict[str, HubFile]:
    """The files of a repository by name; the hub tells the hash of large ones only.

    Raises:
        FetchError: the hub does not say.
    """
    with hub_errors(source):
        siblings = _info(source).siblings
        if siblings is None:
            raise unreadable(source)
        return {each.rfilename: _file(source, each) for each in siblings}


def licence_of(source: Repository) -> str | None:
    """The licence that the card of a repository names, in the hub's spelling.

    Raises:
        FetchError: the hub does not answer.
    """
    with hub_errors(source):
        card = _info(source).card_data
        licence = card.license if card else None
        return licence if isinstance(licence, str) else None


def fetch(
    source: Repository,
    files: Mapping[str, HubFile],
    cache: Path,
    progress: Callable[[int, int], None],
) -> dict[str, FetchedFile]:
    """The files, by path inside the model's folder: from the cache by their hash, else the hub's.

    Whether a fetched file has the hash that it should have is left to the caller.

    Raises:
        FetchError: the hub does not give a file, or not all of it.
        WriteError: the cache cannot be written.
    """
    blobs = Blobs(cache)
    whole, done = sum(file.size or 0 for file in files.values()), 0
    fetched: dict[str, FetchedFile] = {}
    for path, file in files.items():
        read = partial(_add_up, progress, done, whole)
        fetched[path] = _cached(blobs, file) or _downloaded(source, file, blobs, read)
        done += fetched[path].size
    return fetched


def _add_up(progress: Callable[[int, int], None], before: int, whole: int, read: int) -> None:
    progress(before + read, max(whole, before + read))


def _cached(blobs: Blobs, file: HubFile) -> FetchedFile | None:
    if file.sha256 is None or file.size is None:
        return None
    path = blobs.find(file.sha256, file.size)
    return FetchedFile(path, file.sha256, file.size) if path else None


def _downloaded(
    source: Repository, file: HubFile, blobs: Blobs, read: Callable[[int], None]
) -> FetchedFile:
    # What is begun is named by what it becomes, wherever the rest of it comes from.
    name = hashlib.sha256((file.sha256 or f"{source}/{file.name}").encode()).hexdigest()
    sha256, size, path = blobs.add_resumed(name, partial(_fill, source, file, read))
    if file.sha256 is None and file.size not in (None, size):
        detail = f"the hub gave {size} bytes of `{file.name}`, and says that it has {file.size}"
        raise FetchError(str(source), detail)
    return FetchedFile(path, sha256, size)


def _fill(source: Repository, file: HubFile, read: Callable[[int], None], stream: BinaryIO) -> None:
    """Appends the rest of a file to what the stream has, again where the connection breaks off."""
    # Where nothing tells the hash, nothing would tell that an old part does not fit.
    if file.sha256 is None or stream.tell() > (file.size or 0):
        _empty(stream)
    furthest, idle = stream.tell(), 0
    while file.size is None or stream.tell() < file.size:
        try:
            with hub_errors(source, file.name):
                _append(source, file, read, stream)
            return
        except FetchError as error:
            idle = idle + 1 if stream.tell() <= furthest else 0
            if idle == _ATTEMPTS or not is_transient(error.__cause__):
                raise
        furthest = max(furthest, stream.tell())
        time.sleep(idle)


def _append(
    source: Repository, file: HubFile, read: Callable[[int], None], stream: BinaryIO
) -> None:
    url = hf_hub_url(source.repository, file.name, revision=source.revision, endpoint=_endpoint())
    headers, timeout = _headers(source, stream.tell()), constants.HF_HUB_DOWNLOAD_TIMEOUT
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as answer:
        if answer.status_code in _FROM_THE_START:
            _empty(stream)
        hf_raise_for_status(answer)
        for chunk in answer.iter_bytes():
            stream.write(chunk)
            read(stream.tell())


def _headers(source: Repository, start: int) -> dict[str, str]:
    headers = {"user-agent": f"stackc/{VERSION}", "accept-encoding": "identity"}
    if token := token_for(source):
        headers["authorization"] = f"Bearer {token}"
    if start:
        headers["range"] = f"bytes={start}-"
    return headers


def _empty(stream: BinaryIO) -> None:
    stream.truncate(0)
    stream.seek(0)


def _info(source: Repository) -> ModelInfo:
    # With telemetry, the first request of a day would be one that asks which tools to look for here.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    api = HfApi(endpoint=_endpoint(), library_name="stackc", library_version=VERSION)
    return api.model_info(
        source.repository,
        revision=source.revision,
        timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
        files_metadata=True,
        token=token_for(source) or False,
    )


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or constants.ENDPOINT


def _file(source: Repository, sibling: RepoSibling) -> HubFile:
    name, size = sibling.rfilename, sibling.size
    sha256 = sibling.lfs.sha256 if sibling.lfs else None
    if not isinstance(name, str) or not isinstance(size, int | None):
        raise unreadable(source)
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        raise unreadable(source)
    return HubFile(name, size, sha256)

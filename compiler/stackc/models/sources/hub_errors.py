"""What a hub answers instead of a file, as errors that say what to do; none shows a token."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    OIDCError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from stackc.models.errors import FetchError

_TOKEN: Final = "`HF_TOKEN` (or `hf auth login`)"
# After 416 the part that was there is not gone on with.
_TRANSIENT_STATUS: Final = (416, 429, 500, 502, 503, 504)
_TRANSIENT_ERRORS: Final = (
    httpx2.TimeoutException,
    httpx2.NetworkError,
    httpx2.RemoteProtocolError,
)


class Repository(Protocol):
    """A repository at a revision; ``str`` names both in errors."""

    @property
    def repository(self) -> str: ...
    @property
    def revision(self) -> str: ...


@contextmanager
def hub_errors(source: Repository, file: str = "") -> Iterator[None]:
    """Turns what the client library raises while it asks for a repository or its file.

    Raises:
        FetchError: its cause is what was raised.
    """
    try:
        yield
    except (HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled) as error:
        raise FetchError(str(source), _detail(source, file, error)) from error
    except UnicodeEncodeError as error:  # a header is ASCII
        raise FetchError(str(source), _BAD_TOKEN) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # JSON, but not the hub's
        raise unreadable(source) from error


def token_for(source: Repository) -> str | None:
    """The token to ask with, if there is one.

    Raises:
        FetchError: there is one, but it cannot be read.
    """
    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        return get_token()
    except (OSError, ValueError, OIDCError) as error:
        raise FetchError(str(source), "the token of `hf auth login` cannot be read") from error


def unreadable(source: Repository) -> FetchError:
    """The error of an answer that no hub gives."""
    return FetchError(str(source), f"{_host()} does not answer as a hub does; is it one?")


def is_transient(error: BaseException | None) -> bool:
    """Whether the next request for the same file may succeed."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _TRANSIENT_STATUS
    return isinstance(error, _TRANSIENT_ERRORS)


def _detail(source: Repository, file: str, error: Exception) -> str:
    match error:
        case OfflineModeIsEnabled():
            return "`HF_HUB_OFFLINE` is set, and the cache does not have it"
        case RevisionNotFoundError():
            return f"the repository has no revision `{source.revision}`"
        case EntryNotFoundError():
            return f"the repository has no file `{file}` at that revision"
        case GatedRepoError():
            return f"it is gated: accept its conditions on the hub, then set {_TOKEN}"
        case RepositoryNotFoundError():
            return f"there is no such repository, or it is private and needs {_TOKEN}"
        case HfHubHTTPError():
            return _refusal(error.response.status_code)
    return _failure(error)


def _refusal(status: int) -> str:
    match status:
        case 401:
            return f"the hub asks for a valid token (401): set {_TOKEN}"
        case 403:
            return f"the hub refuses it (403): the token of {_TOKEN} has no right to read it"
        case 429:
            return f"{_host()} has had too many requests (429): try again later"
    return f"{_host()} answers with the status {status}"


_BAD_TOKEN: Final = f"the token of {_TOKEN} has characters that no token has"


def _failure(error: Exception) -> str:
    """Why there is no answer. Its own words are shown only where they cannot hold a header."""
    match error:
        case httpx2.TimeoutException():
            seconds = constants.HF_HUB_DOWNLOAD_TIMEOUT
            return f"{_host()} did not answer within {seconds} seconds"
        case httpx2.LocalProtocolError():
            return _BAD_TOKEN
        case httpx2.ProxyError():
            return f"the proxy does not connect to {_host()}"
        case httpx2.ConnectError():
            return f"{_host()} cannot be reached: {error}"
        case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            return "`HF_ENDPOINT` is not the address of a hub"
        case httpx2.TooManyRedirects():
            return f"{_host()} leads in a circle"
    return f"the connection to {_host()} broke off"


def _host() -> str:
    """The hub's name as an error may show it: the address can hold a password."""
    address = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    try:
        return urlsplit(address).hostname or "the hub"
    except ValueError:
        return "the hub"

"""Requests to a registry: tried again where that helps, with a token where one is asked for."""

import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar
from urllib.request import parse_http_list, parse_keqv_list

import httpx2

from stackc.image.credentials import Login, login_for
from stackc.image.errors import DeniedError, RegistryError
from stackc.image.reference import Repository

ATTEMPTS = 5
PAUSE = 0.5
"""Seconds before the second attempt, and twice as long before each further one."""

LONGEST = 60.0
"""Seconds that a registry may ask us to wait at most."""

Content = bytes | Callable[[], Iterable[bytes]]
Result = TypeVar("Result")


class _PassingError(RegistryError):
    """What may be different a moment later, and after how many seconds, if the registry says so."""

    def __init__(self, host: str, problem: str, after: float | None = None) -> None:
        super().__init__(host, problem)
        self.after = after


class Exchange:
    """Talks to one repository of a registry, by the distribution protocol of OCI."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.host = repository.host
        self._authorization: str | None = None
        self._client = httpx2.Client(follow_redirects=True, timeout=httpx2.Timeout(60, connect=10))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def persistently(self, work: Callable[[], Result]) -> Result:
        """Does something again as long as it fails in a way that may pass; raises RegistryError."""
        for attempt in range(ATTEMPTS - 1):
            try:
                return work()
            except _PassingError as error:
                pause = PAUSE * 2**attempt if error.after is None else min(error.after, LONGEST)
                time.sleep(pause)
        return work()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
    ) -> httpx2.Response:
        """One request, to a path of the repository or a whole URL; a question may be answered by 404.

        Raises DeniedError, and RegistryError for what else is no success.
        """
        with self.stream(method, url, headers, content) as response:
            response.read()
            return response

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: Content | None = None,
    ) -> Iterator[httpx2.Response]:
        """The same, with the answer's body not read yet."""
        try:
            request = self._request(method, url, headers, content)
            response = self._client.send(request, stream=True)
            if response.status_code == 401:
                response.close()
                self._authorize(response)
                request = self._request(method, url, headers, content)
                response = self._client.send(request, stream=True)
            try:
                self._check(response)
                yield response
            finally:
                response.close()
        except httpx2.TransportError as error:
            raise _PassingError(self.host, f"cannot be reached: {_reason(error)}") from error
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            raise RegistryError(self.host, f"leads nowhere: {error}") from error

    def _request(
        self, method: str, url: str, headers: Mapping[str, str] | None, content: Content | None
    ) -> httpx2.Request:
        whole = httpx2.URL(f"{self._repository.url}{self._repository.name}/").join(url)
        own = dict(headers or {})
        if self._authorization and whole.host == httpx2.URL(self._repository.url).host:
            own["Authorization"] = self._authorization
        body = content() if callable(content) else content
        return self._client.build_request(method, whole, headers=own, content=body)

    def _check(self, response: httpx2.Response) -> None:
        code = response.status_code
        if code in (401, 403):
            raise DeniedError(self.host, f"refuses `{self._repository.name}` ({code})")
        if code == 429 or code >= 500:
            after = response.headers.get("Retry-After", "")
            seconds = float(after) if re.fullmatch(r"\d+", after) else None
            raise _PassingError(self.host, f"answers {code}", seconds)
        asks = response.request.method in ("GET", "HEAD")
        if code >= 400 and not (asks and code == 404):
            raise RegistryError(self.host, f"answers {code}{_told(response)}")

    def _authorize(self, response: httpx2.Response) -> None:
        """Gets what the registry's challenge asks for (RFC 9110; Docker's token protocol)."""
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        login = login_for(self.host)
        if scheme.lower() == "bearer":
            self._authorization = f"Bearer {self._token(parse_keqv_list(parse_http_list(rest)))}"
        elif scheme.lower() == "basic" and login:
            self._authorization = _basic(login)

    def _token(self, challenge: Mapping[str, str]) -> str:
        login = login_for(self.host)
        asked = {key: challenge[key] for key in ("service", "scope") if key in challenge}
        answer = self._client.get(
            challenge.get("realm", ""),
            params=asked,
            headers={"Authorization": _basic(login)} if login else {},
        )
        self._check(answer)
        try:
            told = answer.json()
            return str(told.get("token") or told["access_token"])
        except (ValueError, LookupError, AttributeError):
            raise RegistryError(self.host, "gives no token") from None


def _basic(login: Login) -> str:
    return f"Basic {b64encode(':'.join(login).encode()).decode()}"


def _reason(error: httpx2.RequestError) -> str:
    return str(error).lower() or type(error).__name__


def _told(response: httpx2.Response) -> str:
    """What a registry says of an error, as the distribution protocol has it."""
    try:
        response.read()
        return f": {response.json()['errors'][0]['message']}"
    except (httpx2.TransportError, ValueError, LookupError, TypeError):
        return ""

"""A remote HTTP server that a provider speaks to: connections, time limits, failures."""

from __future__ import annotations

import logging
import ssl
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from stackrt.errors import ApiError, UpstreamError, bad_gateway, gateway_timeout

log = logging.getLogger(__name__)

# Headers of an error that tell a client when and whether to try again, and whom to ask why.
_KEPT_HEADERS = ("retry-after", "retry-after-ms", "x-request-id", "x-should-retry")


# What goes wrong on the way to a server and back.
FAILURES = (TimeoutError, aiohttp.ClientError)


class Upstream:
    """A server at `base_url`; connected to on first use.

    `tls_verify` is false for no check of the server's certificate, or the path of the authority to
    trust. Timeouts are in seconds; `read_timeout` is the longest silence, not the longest answer.
    Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        tls_verify: bool | str,
        connect_timeout: float,
        read_timeout: float,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key
        self._tls_verify = tls_verify
        self._timeout = aiohttp.ClientTimeout(sock_connect=connect_timeout, sock_read=read_timeout)
        self._opened: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes all connections."""
        if self._opened is not None:
            await self._opened.close()

    async def send(
        self, method: str, path: str, body: bytes | None = None
    ) -> aiohttp.ClientResponse:
        """The response to a request for `path` under `base_url`; its body is still to be read.

        Raises UpstreamError for a refusal, and ApiError 502 or 504 for no answer.
        """
        try:
            response = await self._twice(method, path, body)
            if response.status >= 300:
                raise await self._refusal(response)
        except FAILURES as error:
            raise failure(error) from None
        return response

    async def _twice(self, method: str, path: str, body: bytes | None) -> aiohttp.ClientResponse:
        """A second try for a connection that the server closed, idle, just as we took it."""
        try:
            return await self._once(method, path, body)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await self._once(method, path, body)

    async def _once(self, method: str, path: str, body: bytes | None) -> aiohttp.ClientResponse:
        # A redirect would take the key, and the prompt, to another server.
        return await self._session().request(
            method, f"{self._base_url}/{path}", data=body, allow_redirects=False
        )

    async def _refusal(self, response: aiohttp.ClientResponse) -> ApiError | UpstreamError:
        async with response:
            body = await response.read()
        if response.status < 400:
            return bad_gateway("the remote provider answered with a redirect")
        if self._api_key:
            body = body.replace(self._api_key.encode(), b"********")
        return UpstreamError(
            response.status,
            body=body,
            content_type=response.headers.get("content-type", "application/json"),
            headers={
                name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers
            },
        )

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            headers = {"content-type": "application/json"}
            if self._api_key:
                headers["authorization"] = f"Bearer {self._api_key}"
            self._opened = aiohttp.ClientSession(
                # The stack's own limits decide how much is sent; a second queue would only hide it.
                connector=aiohttp.TCPConnector(limit=0, ssl=_tls(self._tls_verify)),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=headers,
                # Read once: with `trust_env`, aiohttp asks a thread for it on every request.
                proxy=_proxy(self._base_url),
                timeout=self._timeout,
            )
        return self._opened


async def read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body of `response`. Raises ApiError 502 or 504."""
    try:
        return await response.read()
    except FAILURES as error:
        raise failure(error) from None


def failure(error: Exception) -> ApiError:
    """What a client is told when `error`, one of FAILURES, ends the talk with a server."""
    log.warning("a remote provider failed: %s: %s", type(error).__name__, error)
    if isinstance(error, TimeoutError):
        return gateway_timeout("the remote provider did not answer in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return bad_gateway("the remote provider cannot be reached")
    return bad_gateway("the remote provider broke off its answer")


def _tls(verify: bool | str) -> bool | ssl.SSLContext:
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)

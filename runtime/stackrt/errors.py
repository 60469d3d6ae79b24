"""Every error that a client sees: OpenAI's one shape, made in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

# `type` by status, as OpenAI's API reference lists them; the two bounds below cover the rest.
_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """An answer other than success, raised anywhere below an endpoint.

    Rendered as `{"error": {"message", "type", "code", "param"}}` (OpenAI API reference, errors).
    `param` is the dotted path of the request field at fault.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type or error_type(status)
        self.code = code
        self.param = param
        self.headers = headers

    def body(self) -> bytes:
        """The encoded JSON body."""
        return to_json(
            {
                "error": {
                    "message": self.message,
                    "type": self.type,
                    "code": self.code,
                    "param": self.param,
                }
            }
        )

    def response(self) -> Response:
        """The HTTP response."""
        return Response(self.body(), self.status, self.headers, media_type="application/json")


class UpstreamError(Exception):
    """A remote provider answered with an error; its client gets the answer as it came."""

    def __init__(
        self, status: int, *, body: bytes, content_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(f"the provider answered {status}")
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers

    def response(self) -> Response:
        """The HTTP response."""
        return Response(self.body, self.status, {**self.headers, "content-type": self.content_type})


def error_type(status: int) -> str:
    """OpenAI's `type` for an HTTP status."""
    default = "server_error" if status >= 500 else "invalid_request_error"
    return _TYPES.get(status, default)


def bad_request(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """400: the request itself is wrong."""
    return ApiError(400, message, param=param, code=code)


def not_found(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """404: the request names something that this stack does not have."""
    return ApiError(404, message, param=param, code=code)


def payload_too_large(limit: int) -> ApiError:
    """413: the body is longer than `limit` bytes."""
    return ApiError(413, f"the request body is larger than {limit} bytes", code="body_too_large")


def too_many_requests(message: str, *, retry_after: int) -> ApiError:
    """429: come back in `retry_after` seconds."""
    return ApiError(
        429, message, code="rate_limit_exceeded", headers={"retry-after": str(retry_after)}
    )


def unsupported(capability: str, provider: str) -> ApiError:
    """501: `provider` cannot do `capability`, now or on a retry."""
    return ApiError(
        501,
        f"{capability} is not supported by the provider `{provider}`",
        code="unsupported",
        # OpenAI's and Llama Stack's clients retry a 5xx unless they are told not to.
        headers={"x-should-retry": "false"},
    )


def bad_gateway(message: str) -> ApiError:
    """502: a provider cannot be reached, or its answer cannot be understood."""
    return ApiError(502, message, code="bad_gateway")


def gateway_timeout(message: str) -> ApiError:
    """504: a provider did not answer in time."""
    return ApiError(504, message, code="gateway_timeout")


def internal_error() -> ApiError:
    """500: a fault of ours, whose cause is for the log and not for the client."""
    return ApiError(500, "internal server error", code="internal_error")


async def _on_api_error(request: Request, error: ApiError) -> Response:
    return error.response()


async def _on_upstream_error(request: Request, error: UpstreamError) -> Response:
    return error.response()


async def _on_routing_error(request: Request, error: HTTPException) -> Response:
    """Starlette's own 404 and 405."""
    where = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        message = f"no such route: {where}"
    elif error.status_code == 405:
        message = f"method not allowed: {where}"
    else:
        message = error.detail or HTTPStatus(error.status_code).phrase
    return ApiError(error.status_code, message, headers=error.headers).response()


async def _on_unexpected_error(request: Request, error: Exception) -> Response:
    # Starlette raises the error again once this is sent, so the server logs it with its traceback.
    return internal_error().response()


async def _on_disconnect(request: Request, error: ClientDisconnect) -> None:
    """Sends nothing: the client has left."""


exception_handlers: Mapping[Any, Callable[[Request, Any], Any]] = {
    ApiError: _on_api_error,
    ClientDisconnect: _on_disconnect,
    UpstreamError: _on_upstream_error,
    HTTPException: _on_routing_error,
    Exception: _on_unexpected_error,
}

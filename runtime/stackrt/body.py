"""JSON bodies: read with a limit and validated in one step from bytes; and written."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json, to_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from stackrt.errors import ApiError, bad_request, payload_too_large

T = TypeVar("T")

# The longest body, in bytes: a prompt that fills the longest contexts, with some images.
LIMIT = 16 * 1024 * 1024

# How long a client may take to send its body, in seconds.
TIMEOUT = 120.0

# What JSON calls the types that pydantic's errors name in Python's words.
_EXPECTED = {
    "bool_type": "a boolean",
    "dict_type": "an object",
    "finite_number": "a finite number",
    "float_type": "a number",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "list_type": "an array",
    "string_type": "a string",
    "typed_dict_type": "an object",
}


class Body(Generic[T]):
    """Reads bodies of one type.

    `schema` is a TypedDict; strictness and what happens to unknown fields are its own to say.
    """

    def __init__(self, schema: type[T], *, limit: int = LIMIT) -> None:
        self._validator = TypeAdapter(schema).validator
        self._limit = limit

    async def read(self, request: Request) -> T:
        """The validated body of `request`.

        Raises ApiError: 400 for what is not valid, 408 for what takes too long to arrive, 413 for
        what is too large.
        """
        try:
            async with asyncio.timeout(TIMEOUT):
                body = await _receive(request, self._limit)
        except TimeoutError:
            raise ApiError(
                408, f"the body took longer than {TIMEOUT:g} s", code="timeout"
            ) from None
        try:
            return cast(T, self._validator.validate_json(body))
        except ValidationError as error:
            # The input is left out: 16 MiB of it would be copied into each error.
            raise _invalid(error.errors(include_url=False, include_input=False), body) from None


def json_response(value: object) -> Response:
    """200 with `value` as JSON."""
    return Response(to_json(value), media_type="application/json")


async def _receive(request: Request, limit: int) -> bytes:
    chunks = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > limit:
            raise payload_too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


def _invalid(errors: list[ErrorDetails], body: bytes) -> ApiError:
    """One error for all that pydantic found: about the place that it came deepest into."""
    if errors[0]["type"] == "json_invalid":
        return bad_request(f"the body is not valid JSON: {errors[0]['ctx']['error']}")
    value = from_json(body)
    found = [(_path(error, value), error) for error in errors]
    place = max((path for path, _ in found), key=len)
    here = [error for path, error in found if path == place]
    param = ".".join(map(str, place))
    if here[0]["type"] == "missing":
        return bad_request(f"`{param}` is required", param=param)
    expected = " or ".join(dict.fromkeys(_expected(error) for error in here))
    return bad_request(f"`{param or 'body'}` must be {expected}", param=param or None)


def _path(error: ErrorDetails, value: Any) -> tuple[int | str, ...]:
    """Where `error` is in `value`: its location without the names of union members."""
    path: list[int | str] = []
    *steps, last = error["loc"] or ("",)
    for step in (*steps, last):
        if _has(value, step):
            value = value[step]
            path.append(step)
        elif step is last and error["type"] == "missing":
            path.append(step)
    return tuple(path)


def _has(value: Any, step: int | str) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int)


def _expected(error: ErrorDetails) -> str:
    default = error["msg"].removeprefix("Input should be ")
    return _EXPECTED.get(error["type"], default)

"""The one shape of errors, and OpenAI's type for each status."""

import json

import pytest
from stackrt import errors
from stackrt.errors import ApiError, UpstreamError


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.bad_request("m", param="p", code="c"), 400, "invalid_request_error"),
        (ApiError(401, "m"), 401, "authentication_error"),
        (ApiError(403, "m"), 403, "permission_error"),
        (errors.not_found("m"), 404, "invalid_request_error"),
        (errors.payload_too_large(10), 413, "invalid_request_error"),
        (errors.too_many_requests("m", retry_after=5), 429, "rate_limit_error"),
        (errors.internal_error(), 500, "server_error"),
        (errors.unsupported("tools", "onnx"), 501, "server_error"),
        (errors.bad_gateway("m"), 502, "server_error"),
        (errors.gateway_timeout("m"), 504, "server_error"),
    ],
)
def test_shape(error: ApiError, status: int, kind: str) -> None:
    response = error.response()
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert json.loads(bytes(response.body)) == {
        "error": {
            "message": error.message,
            "type": kind,
            "code": error.code,
            "param": error.param,
        }
    }


def test_headers() -> None:
    assert errors.too_many_requests("m", retry_after=5).response().headers["retry-after"] == "5"
    assert errors.unsupported("tools", "onnx").response().headers["x-should-retry"] == "false"


def test_an_upstream_error_is_forwarded_as_it_came() -> None:
    error = UpstreamError(418, body=b"<p>", content_type="text/html", headers={"retry-after": "1"})
    response = error.response()
    assert (response.status_code, response.body) == (418, b"<p>")
    assert response.headers["content-type"] == "text/html"
    assert response.headers["retry-after"] == "1"

"""What clients, networks and remote servers do wrong, over real sockets."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from served import KEY, Served, ask, chat
from upstream import Upstream


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (b"", None, "not valid JSON"),
        (b"{", None, "not valid JSON"),
        (b'{"model": "\xff"}', None, "not valid JSON"),
        (b'{"model": "\\ud800"}', None, "not valid JSON"),
        (b"[]", None, "`body` must be an object"),
        ({"messages": []}, "model", "`model` is required"),
        ({"model": "openai/ok"}, "messages", "`messages` is required"),
        ({"model": 7, "messages": []}, "model", "`model` must be a string"),
        (chat("openai/ok", 7), "messages.0.content", "must be a string or an array"),
        (chat("openai/ok", [7]), "messages.0.content.0", "must be an object"),
        (chat("openai/ok", temperature="hot"), "temperature", "must be a number"),
        (chat("openai/ok", max_tokens=1.5), "max_tokens", "must be an integer"),
        (chat("openai/ok", max_tokens=True), "max_tokens", "must be an integer"),
        (chat("openai/ok", stop=[1]), "stop.0", "must be a string"),
        (b'{"model":"m","messages":[],"top_p":NaN}', "top_p", "must be a finite number"),
    ],
)
def test_a_wrong_body_is_a_400_that_says_where(
    gateway: Served, body: object, param: str | None, said: str
) -> None:
    answer = gateway.ask("POST", "/v1/chat/completions", body)
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == param
    assert said in answer.error["message"]
    assert "pydantic" not in answer.error["message"]


def test_all_errors_have_one_shape(gateway: Served) -> None:
    assert gateway.ask("GET", "/nowhere").error["message"] == "no such route: GET /nowhere"
    wrong_method = gateway.ask("GET", "/v1/chat/completions")
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")
    assert wrong_method.error["type"] == "invalid_request_error"
    crash = gateway.chat("scripted/script", "fail")
    assert (crash.status, crash.error["type"]) == (500, "server_error")
    assert "secret" not in crash.error["message"]
    busy = gateway.chat("scripted/script", "busy")
    assert (busy.status, busy.headers["retry-after"]) == (429, "3")
    assert busy.error["type"] == "rate_limit_error"
    lacking = gateway.ask("POST", "/v1/completions", {"model": "scripted/script", "prompt": ""})
    assert (lacking.status, lacking.headers["x-should-retry"]) == (501, "false")
    assert "completions" in lacking.error["message"]
    assert "scripted" in lacking.error["message"]


def test_an_unknown_model_is_a_404_that_names_the_nearest(gateway: Served) -> None:
    answer = gateway.chat("scripted/scrpt")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert "`scripted/scrpt`" in answer.error["message"]
    assert "`scripted/script`" in answer.error["message"]
    assert "did you mean" not in gateway.chat("qwertyuiop").error["message"]


def test_a_model_of_another_type_is_a_400(gateway: Served) -> None:
    answer = gateway.chat("openai/vectors")
    assert (answer.status, answer.error["param"]) == (400, "model")
    assert "embedding" in answer.error["message"]


def test_a_prompt_of_ten_megabytes_arrives_whole(gateway: Served, upstream: Upstream) -> None:
    prompt = "é" * 5_000_000
    assert gateway.chat("openai/ok", prompt).status == 200
    assert upstream.last().body["messages"][0]["content"] == prompt


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/nowhere", "/v1/health"])
def test_a_body_that_is_too_long_gets_an_answer(gateway: Served, path: str) -> None:
    answer = gateway.ask("POST", path, b" " * (17 * 1024 * 1024))
    wanted = {"/v1/chat/completions": 413, "/nowhere": 404, "/v1/health": 405}
    assert answer.status == wanted[path]
    assert answer.error["type"] == "invalid_request_error"


def test_a_connection_outlives_errors(gateway: Served) -> None:
    with closing(gateway.connect()) as connection:
        first = ask(connection, "GET", "/v1/health")
        used = connection.sock
        statuses = [
            ask(connection, "POST", "/v1/chat/completions", body).status
            for body in (
                b"{",
                chat("nothing"),
                chat("scripted/script", "fail"),
                chat("openai/broken"),
                chat("openai/never"),
                chat("scripted/script"),
            )
        ]
        assert (first.status, *statuses) == (200, 400, 404, 500, 500, 504, 200)
        assert connection.sock is used


def test_many_at_once(gateway: Served) -> None:
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda n: gateway.chat("openai/ok", f"{n}"), range(200)))
    assert {answer.status for answer in answers} == {200}


def test_a_client_that_stops_reading_holds_up_only_its_own_stream(gateway: Served) -> None:
    with closing(gateway.socket()) as idle:
        _post(idle, chat("scripted/script", "flood", stream=True))
        idle.recv(1000)
        sent = [_sent(gateway) for _ in range(20)]
        # What the sockets and one buffer hold, and no more: some megabytes of 100 kB events.
        assert sent[-1] == sent[10] < 200
    for _ in range(5):
        assert gateway.chat("openai/ok").status == 200


@pytest.mark.parametrize(
    ("model", "stream"), [("never", False), ("never", True), ("endless", True)]
)
def test_a_client_that_leaves_ends_the_upstream_request(
    patient_gateway: Served, upstream: Upstream, model: str, stream: bool
) -> None:
    while upstream.left_early.acquire(blocking=False):
        continue  # of other tests
    asked = len(upstream.requests)
    with closing(patient_gateway.socket()) as client:
        _post(client, chat(f"openai/{model}", stream=stream))
        if model == "endless":
            assert b"data:" in _until(client, b"data:")
        while len(upstream.requests) == asked:
            threading.Event().wait(0.01)
        assert not upstream.left_early.acquire(blocking=False)
    assert upstream.left_early.acquire(timeout=20)


def test_upstream_errors_arrive_as_they_were_sent(gateway: Served) -> None:
    broken = gateway.chat("openai/broken", stream=True)
    assert (broken.status, broken.body) == (500, b"<h1>oops</h1>")
    assert broken.headers["content-type"] == "text/html"
    busy = gateway.chat("openai/busy")
    assert (busy.status, busy.headers["retry-after"]) == (429, "7")
    assert busy.json == {"error": {"message": "later"}}


def test_the_key_is_sent_and_never_shown(gateway: Served, upstream: Upstream) -> None:
    answer = gateway.chat("openai/unauthorized")
    assert upstream.last().headers["authorization"] == f"Bearer {KEY}"
    assert answer.status == 401
    assert KEY not in answer.body.decode()
    assert KEY not in gateway.ask("GET", "/v1/providers").body.decode()


def test_a_redirect_is_not_followed(gateway: Served) -> None:
    answer = gateway.chat("openai/redirect")
    assert (answer.status, answer.error["type"]) == (502, "server_error")


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_does_not_answer_is_a_504(gateway: Served, stream: bool) -> None:
    assert gateway.chat("openai/never", stream=stream).status == 504


@pytest.mark.parametrize("model", ["short", "garbage"])
def test_an_answer_that_makes_no_sense_is_a_502(gateway: Served, model: str) -> None:
    assert gateway.chat(f"openai/{model}").error["code"] == "bad_gateway"


def test_a_stream_that_is_none_is_a_502(gateway: Served) -> None:
    assert gateway.chat("openai/json", stream=True).status == 502


@pytest.mark.parametrize("model", ["drop", "garbage", "endless"])
def test_a_stream_that_breaks_ends_with_an_error_and_without_done(
    gateway: Served, model: str
) -> None:
    answer = gateway.chat(f"openai/{model}", stream=True)
    assert answer.status == 200
    *before, last = answer.events
    assert last["error"]["code"] == ("gateway_timeout" if model == "endless" else "bad_gateway")
    assert all(event["model"] == f"openai/{model}" for event in before)


def test_a_provider_that_fails_in_a_stream_tells_no_secrets(gateway: Served) -> None:
    first, last = gateway.chat("scripted/script", "fail", stream=True).events
    assert first == {"first": 1}
    assert last["error"]["type"] == "server_error"
    assert "secret" not in json.dumps(last)


def test_a_connection_that_the_upstream_has_closed_is_replaced(
    gateway: Served, upstream: Upstream
) -> None:
    for _ in range(3):
        assert gateway.chat("openai/stale").status == 200


def _post(client: socket.socket, body: object) -> None:
    data = json.dumps(body).encode()
    client.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b"
        % (len(data), data)
    )


def _until(client: socket.socket, end: bytes) -> bytes:
    found = b""
    while end not in found:
        found += client.recv(1000)
    return found


def _sent(gateway: Served) -> int:
    """How many events the scripted provider has produced."""
    health = gateway.ask("GET", "/v1/providers/scripted").json["health"]
    return int(health["message"].split()[0])

"""Starting, refusing to start, and ending, as whoever runs the process sees it."""

import json
import socket
import subprocess
import sys
from contextlib import closing

import pytest
from served import Served, chat, serving, start
from stacks import free_port
from upstream import Upstream


def failed(*arguments: str, **variables: str) -> list[str]:
    """What a stack says that does not start."""
    process = start(*arguments, **variables)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    return output.splitlines()


def test_wrong_settings_are_said_one_a_line() -> None:
    assert failed(PORT="eighty", OPENAI_API_KEY="sk-1", READ_TIMEOUT="soon") == [
        "error: OPENAI_BASE_URL is not set",
        "error: PORT should be a valid integer, unable to parse string as an integer",
        "error: READ_TIMEOUT should be a valid number, unable to parse string as a number",
    ]


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert failed("--port", port, OPENAI_BASE_URL="http://x/v1") == [
            f"error: cannot listen on 127.0.0.1 port {port}: Address already in use"
        ]


def test_a_host_that_is_none_is_one_line() -> None:
    (line,) = failed("--host", "no.such.host.invalid", OPENAI_BASE_URL="http://x/v1")
    assert line.startswith("error: cannot listen on no.such.host.invalid port 8321: ")


WITHOUT_ITS_DEVICE = """
from dataclasses import dataclass
from stackrt.lifecycle import StartError
from stackrt.serve import main

@dataclass(frozen=True)
class Settings:
    pass

def build(settings):
    raise StartError("no cuda device can be used")

main(build, Settings, host=lambda _: "127.0.0.1", port=lambda _: 0)
"""


def test_what_a_stack_lacks_is_one_line() -> None:
    process = subprocess.run([sys.executable, "-c", WITHOUT_ITS_DEVICE], capture_output=True)
    assert process.returncode == 1
    assert process.stderr == b"error: the stack could not start: no cuda device can be used\n"


def test_it_starts_with_its_provider_down_and_ends_in_order() -> None:
    with serving(OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_API_KEY="sk-1") as stack:
        assert stack.chat("openai/declared").status == 502
        assert stack.ask("GET", "/v1/models").status == 200
        code, output = stack.stop()
    assert code == 0
    assert output.startswith("opened\n")
    assert output.endswith("closed\n")
    assert "sk-1" not in output
    assert "Traceback" not in output


def test_an_unexpected_error_is_logged_with_its_traceback() -> None:
    with serving(OPENAI_BASE_URL="http://127.0.0.1:1/v1") as stack:
        assert stack.chat("scripted/script", "fail").status == 500
        code, output = stack.stop()
    assert code == 0
    assert output.count("RuntimeError: a secret of ours") == 1


def stream(stack: Served, model: str, content: str) -> socket.socket:
    """A connection on which a stream has begun."""
    client = stack.socket()
    body = json.dumps(chat(model, content, stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    assert b"200" in client.recv(100)
    return client


def rest(client: socket.socket) -> bytes:
    """All that is still to come."""
    found = b""
    while more := client.recv(65536):
        found += more
    return found


def test_running_streams_finish_and_new_clients_are_refused(upstream: Upstream) -> None:
    with serving(OPENAI_BASE_URL=upstream.url) as stack, closing(stack.socket()) as idle:
        client = stream(stack, "openai/slow", "hi")
        stack.process.terminate()
        assert idle.recv(1) == b""  # an idle connection ends at once
        with pytest.raises(ConnectionError):
            stack.socket()
        body = rest(client)
        assert body.count(b'"openai/slow"') == 10
        assert b"[DONE]" in body
        assert stack.process.wait(30) == 0


def test_clients_that_leave_leave_no_trace_in_the_log(upstream: Upstream) -> None:
    with serving(OPENAI_BASE_URL=upstream.url) as stack:
        while upstream.left_early.acquire(blocking=False):
            continue  # of other tests
        for model in ("openai/endless", "openai/slow"):
            stream(stack, model, "hi").close()
            assert upstream.left_early.acquire(timeout=20)
        code, output = stack.stop()
    assert code == 0
    assert "Traceback" not in output
    assert "Error" not in output


def test_a_second_signal_ends_it_at_once(upstream: Upstream) -> None:
    with (
        serving(OPENAI_BASE_URL=upstream.url) as stack,
        closing(stream(stack, "openai/endless", "hi")),
        closing(stack.socket()) as idle,
    ):
        stack.process.terminate()
        assert idle.recv(1) == b""
        stack.process.terminate()
        assert stack.process.wait(30) == -15


def test_the_health_check() -> None:
    def healthy(port: int) -> bool:
        code = f"from stackrt.health import check; check(host='0.0.0.0', port={port})"
        return subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0

    with serving(OPENAI_BASE_URL="http://127.0.0.1:1/v1") as stack:
        assert healthy(stack.port)
    assert not healthy(free_port())


def test_the_health_check_needs_only_the_standard_library() -> None:
    code = (
        "import sys, stackrt.health; "
        "print([m for m in ('starlette', 'pydantic', 'asyncio') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30
    )
    assert result.stdout.strip() == "[]"

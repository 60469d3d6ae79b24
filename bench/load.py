"""Load from wrk: requests a second, and how long they take."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.servers import Running, need

SCRIPT = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = [==[{body}]==]
done = function(summary, latency)
    io.write(string.format(
        '\\n{{"requests":%d,"microseconds":%d,"wrong":%d,"p50":%d,"p99":%d}}\\n',
        summary.requests, summary.duration,
        summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Load:
    """What a server stood; latencies in milliseconds."""

    requests_per_second: float
    p50: float
    p99: float


def post(server: Running, body: dict[str, object], *, connections: int, seconds: float) -> Load:
    """Chat completions with `body`, over `connections` that each wait for their answer."""
    wrk = need("wrk", "wrk")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(SCRIPT.format(body=json.dumps(body, separators=(",", ":"))))
        shape = ["-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s"]
        command = [wrk, *shape, "-s", str(script), f"{server.url}/v1/chat/completions"]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(output.splitlines()[-1])
    if found["wrong"]:
        raise RuntimeError(f"{server.name} answered {found['wrong']} requests with an error")
    return Load(
        found["requests"] / found["microseconds"] * 1e6, found["p50"] / 1e3, found["p99"] / 1e3
    )


def chat(model: str, **more: object) -> dict[str, object]:
    """A short conversation."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Say hello to me, please."},
    ]
    return {"model": model, "messages": messages, "temperature": 0.7, "max_tokens": 100, **more}

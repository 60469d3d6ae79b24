"""nginx twice: as an upstream that costs next to nothing, and as the proxy to compare with."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.servers import ANSWER, Running, free_port, need, wait_until_ready

CONFIG = """
daemon off;
worker_processes 1;
error_log /dev/null;
pid {folder}/pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    {server}
}}
"""

STATIC = """
server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{ return 200 '{answer}'; }}
}}
"""

PROXY = """
upstream target {{ server {target}; keepalive 128; keepalive_requests 1000000000; }}
server {{
    listen 127.0.0.1:{port} backlog=1024;
    location / {{
        proxy_pass http://target;
        proxy_http_version 1.1;
        proxy_set_header connection "";
    }}
}}
"""


@contextmanager
def static() -> Iterator[Running]:
    """Answers every request with the same chat completion."""
    port = free_port()
    with _running("nginx", port, STATIC.format(port=port, answer=ANSWER)) as server:
        yield server


@contextmanager
def proxy(upstream: Running) -> Iterator[Running]:
    """Passes every request on to `upstream`."""
    port = free_port()
    target = f"127.0.0.1:{upstream.port}"
    with _running("nginx as proxy", port, PROXY.format(port=port, target=target)) as server:
        yield server


@contextmanager
def _running(name: str, port: int, server: str) -> Iterator[Running]:
    binary = need("nginx", "nginx-light")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nginx.conf"
        file.write_text(CONFIG.format(folder=folder, server=server))
        process = subprocess.Popen(
            [binary, "-c", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            started = Running(name, port, process)
            wait_until_ready(started, "/")
            yield started
        finally:
            process.terminate()
            process.wait(30)

"""From the start of the process to the first answer, and the memory that it then has."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from bench.results import Result, median
from bench.servers import Server, running


def measure(servers: Sequence[Server], *, rounds: int) -> Iterator[Result]:
    """Cold start in seconds and idle memory in MB, of each server."""
    seconds: dict[str, list[float]] = {server.name: [] for server in servers}
    megabytes: dict[str, list[float]] = {server.name: [] for server in servers}
    for _ in range(rounds):
        for server in servers:
            began = time.perf_counter()
            with running(server) as started:
                seconds[server.name].append(time.perf_counter() - began)
                megabytes[server.name].append(started.resident_megabytes())
    for server in servers:
        name = server.name
        yield Result("startup", name, "start to first 200", median(seconds[name]), "s")
        yield Result("startup", name, "memory when idle", median(megabytes[name]), "MB")

"""Chat completions passed through, beside nginx and beside the smallest hand-written server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from shutil import which

from bench import nginx
from bench.load import Load, chat, post
from bench.programs.upstream import EVENTS
from bench.results import Result, median
from bench.servers import Running, Server, program, running

MODEL = "openai/gpt-4o-mini"
YARDSTICK = "smallest pass-through"


def requests(
    gateway: Server, *, connections: Sequence[int], rounds: int, seconds: float
) -> Iterator[Result]:
    """Requests a second and latency, with an upstream that answers at once."""
    with ExitStack() as servers:
        upstream = servers.enter_context(_fastest_upstream())
        subjects = [servers.enter_context(each) for each in _subjects(gateway, upstream)]
        if which("nginx"):
            subjects.append(servers.enter_context(nginx.proxy(upstream)))
        for count in connections:
            loads = _loads(subjects, chat(MODEL), count, rounds, seconds)
            yield from _requests(loads, f"{count} connections")


def streams(
    gateway: Server, *, connections: Sequence[int], rounds: int, seconds: float
) -> Iterator[Result]:
    """Events a second of streams that the upstream writes as fast as it can."""
    with ExitStack() as servers:
        upstream = servers.enter_context(running(program("upstream", "upstream.py")))
        subjects = [servers.enter_context(each) for each in _subjects(gateway, upstream)]
        for count in connections:
            loads = _loads(subjects, chat(MODEL, stream=True), count, rounds, seconds)
            rates = {name: EVENTS * _rate(found) for name, found in loads.items()}
            for name, rate in rates.items():
                what = f"{count} connections"
                yield Result("streams", name, what, rate, "events/s", rates[YARDSTICK])


def _subjects(
    gateway: Server, upstream: Running
) -> tuple[AbstractContextManager[Running], AbstractContextManager[Running]]:
    environ = {"OPENAI_BASE_URL": f"{upstream.url}/v1", "OPENAI_API_KEY": "bench"}
    return (
        running(replace(gateway, environ={**gateway.environ, **environ})),
        running(program(YARDSTICK, "passthrough.py", upstream.url)),
    )


def _fastest_upstream() -> AbstractContextManager[Running]:
    return nginx.static() if which("nginx") else running(program("upstream", "upstream.py"))


def _loads(
    subjects: Sequence[Running],
    body: dict[str, object],
    connections: int,
    rounds: int,
    seconds: float,
) -> Mapping[str, list[Load]]:
    """The subjects take turns, so that a busy minute of the machine meets all of them."""
    loads: dict[str, list[Load]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            load = post(subject, body, connections=connections, seconds=seconds)
            loads[subject.name].append(load)
    return loads


def _requests(loads: Mapping[str, list[Load]], what: str) -> Iterator[Result]:
    group = "pass-through"
    for name, found in loads.items():
        yield Result(group, name, what, _rate(found), "requests/s", _rate(loads[YARDSTICK]))
        yield Result(group, name, f"{what}, p50", median(load.p50 for load in found), "ms")
        yield Result(group, name, f"{what}, p99", median(load.p99 for load in found), "ms")


def _rate(loads: Sequence[Load]) -> float:
    return median(load.requests_per_second for load in loads)

"""`python -m bench`: measures generated stacks, and shows the medians as tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from bench import compile as compiling
from bench import embeddings, language, passthrough, soak, startup
from bench.results import Result, save, show
from bench.servers import MissingError, need, program, stack

GENERATED = Path(__file__).parent.parent / "generated"
ALL = ("compile", "startup", "pass-through", "streams", "engine", "embeddings", "soak")


def main() -> None:
    """Measures what is asked for, or says what is missing."""
    arguments = _arguments()
    console = Console()
    results: list[Result] = []
    try:
        if {"pass-through", "streams"} & set(arguments.only):
            need("wrk", "wrk")
        with console.status("measuring") as status:
            for result in _results(arguments):
                results.append(result)
                status.update(f"measuring: {result.group}, {result.what}")
    except MissingError as error:
        sys.exit(f"error: {error}")
    show(results, console)
    if arguments.json:
        save(results, arguments.json)


def _results(arguments: argparse.Namespace) -> Iterator[Result]:
    rounds = arguments.rounds
    gateway = stack(arguments.gateway, arguments.python, OPENAI_API_KEY="bench")
    starter = stack(arguments.starter, arguments.python)
    load = {"rounds": rounds, "seconds": arguments.seconds, "connections": arguments.connections}
    if "compile" in arguments.only:
        yield from compiling.measure(rounds=rounds)
    if "startup" in arguments.only:
        smallest = program(passthrough.YARDSTICK, "passthrough.py", "http://127.0.0.1:1")
        yield from startup.measure([gateway, starter, smallest], rounds=rounds)
    if "pass-through" in arguments.only:
        yield from passthrough.requests(gateway, **load)
    if "streams" in arguments.only:
        yield from passthrough.streams(gateway, **load)
    if "engine" in arguments.only:
        yield from language.measure([starter, *language.peers()], rounds=rounds)
    if "embeddings" in arguments.only:
        yield from embeddings.measure(starter, rounds=rounds)
    if "soak" in arguments.only:
        yield from soak.measure(starter, requests=arguments.requests)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--gateway", type=Path, default=GENERATED / "gateway", metavar="FOLDER")
    parser.add_argument("--starter", type=Path, default=GENERATED / "starter", metavar="FOLDER")
    parser.add_argument("--python", default=sys.executable, help="what runs the stacks")
    parser.add_argument(
        "--only", nargs="+", choices=ALL, default=ALL, metavar="GROUP", help=str(ALL)
    )
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16, 64], metavar="N")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is shown")
    parser.add_argument("--seconds", type=float, default=2, help="of load in each round")
    parser.add_argument("--requests", type=int, default=2000, help="of the soak")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    return parser.parse_args()


if __name__ == "__main__":
    main()

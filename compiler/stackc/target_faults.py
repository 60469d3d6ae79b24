"""Where a target cannot be made of what a distribution says."""

from collections.abc import Iterable, Iterator

from stackc.diagnostics import section_errors
from stackc.diagnostics.report import Diagnostic
from stackc.source import Span
from stackc.stack import Stack
from stackc.targets import RUN_THE_IMAGE, chosen
from stackc.tree import Mapping
from stackc.upstreams import LOOPBACK
from stackc.values import LateBound


def target_faults(stack: Stack, more: Iterable[str]) -> Iterator[Diagnostic]:
    """An error for an address that nothing can reach, or that is not known, but has to be."""
    targets = [name for name in chosen(stack.spec.sections, more) if name in RUN_THE_IMAGE]
    if not targets:
        return
    host, port = stack.server.get("host"), stack.server.get("port")
    if isinstance(port, LateBound) and not _is_known(stack, port):
        yield section_errors.unknown_port(port, targets)
    if isinstance(host, LateBound) and not _is_variable(host):
        yield section_errors.unknown_host(host, targets)
    elif isinstance(host, str) and LOOPBACK.fullmatch(host):
        yield section_errors.unreachable_host(host, _span(stack, "host"), targets)


def _is_variable(value: LateBound) -> bool:
    """Whether a variable alone decides a value, so that setting it decides the value too."""
    return value.only is not None and value.only.operator != ":+"


def _is_known(stack: Stack, value: LateBound) -> bool:
    """Whether a variable alone decides a value, and has a default."""
    name = value.only.name if value.only and _is_variable(value) else None
    return any(each.default is not None for each in stack.variables if each.name == name)


def _span(stack: Stack, key: str) -> Span:
    server = stack.spec.document.root.get("server")
    entry = server.entry(key) if isinstance(server, Mapping) else None
    return entry.value.span if entry else stack.spec.document.root.span

"""Upstreams: what the providers of a stack connect to, as far as it is known when it is built."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from stackc.literals import visible
from stackc.stack import Provider, Stack
from stackc.values import Checked, LateBound

PORTS = {"http": 80, "https": 443, "postgresql": 5432, "redis": 6379, "rediss": 6379}
"""The port of a URL that names none, by its scheme."""

LOOPBACK = re.compile(r"localhost|127\.[\d.]+|::1")

_URL_FIELD = re.compile(r"(^|_)(url|uri|endpoint|api_base)$")

_UNKNOWN = "\N{OBJECT REPLACEMENT CHARACTER}"
"""In the place of what only the environment tells."""


@dataclass(frozen=True)
class Upstream:
    """A server that a provider connects to; what is None is only known at the start."""

    provider: str
    host: str | None
    port: int | None
    variables: tuple[str, ...]

    @property
    def told(self) -> str:
        """Which server it is, and whose, for a reader of a policy."""
        variables = " and ".join(self.variables)
        if self.host is None:
            return f"{self.provider}: the host that {variables} names"
        unless = f", unless {variables} says otherwise" if variables else ""
        return f"{self.provider}: {visible(self.host)}{unless}"


@dataclass(frozen=True)
class Egress:
    """A port that the stack connects to, and the servers behind it."""

    port: int
    upstreams: tuple[str, ...]


def egress(stack: Stack) -> tuple[Egress, ...]:
    """The ports that a stack connects to, sorted."""
    told: dict[int, set[str]] = {}
    for each in _upstreams(stack):
        if each.port is not None:
            told.setdefault(each.port, set()).add(each.told)
    return tuple(Egress(port, tuple(sorted(told[port]))) for port in sorted(told))


def untold(stack: Stack) -> tuple[str, ...]:
    """What a stack connects to through a port that only its environment tells, sorted."""
    unknown = (each for each in _upstreams(stack) if each.port is None)
    return tuple(
        sorted({f"{each.provider}: the port that {_names(each)} names" for each in unknown})
    )


def _names(upstream: Upstream) -> str:
    return " and ".join(upstream.variables) or "its configuration"


def _upstreams(stack: Stack) -> Iterator[Upstream]:
    for provider in stack.providers:
        for name, schema in provider.type.config.get("properties", {}).items():
            if schema.get("format") == "uri" or _URL_FIELD.search(name):
                known = name in provider.config
                value = provider.config.get(name) if known else schema.get("default")
                yield from _upstream(provider, value)


def _upstream(provider: Provider, value: Checked) -> Iterator[Upstream]:
    """The server of a URL, unless it is the stack's own machine, which no policy is about."""
    if isinstance(value, LateBound):
        variables = tuple(dict.fromkeys(each.name for each in value.text.references))
        host, port = _server(_text(provider, value))
        local = host is not None and LOOPBACK.fullmatch(host)
        yield Upstream(provider.id, *(None, None) if local else (host, port), variables)
    elif isinstance(value, str) and value:
        host, port = _server(value)
        if not (host and LOOPBACK.fullmatch(host)):
            yield Upstream(provider.id, host, port, ())


def _text(provider: Provider, value: LateBound) -> str:
    """A late-bound text with its defaults; one that cannot come into effect is unknown."""
    parts = []
    for part in value.text.parts:
        if isinstance(part, str):
            parts.append(part)
        elif part.operator == ":=" and part.name != provider.enabled_by and not value.secret:
            parts.append(part.operand or (str(value.fallback or "") if value.only else ""))
        else:
            parts.append(_UNKNOWN)
    return "".join(parts) or _UNKNOWN


def _server(url: str) -> tuple[str | None, int | None]:
    """The host and the port of a URL, each None where it is not known."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None, None
    return (None if not host or _UNKNOWN in host else host), port if host else None

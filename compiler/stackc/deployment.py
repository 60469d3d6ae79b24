"""Deployment: what a stack needs of the machines that run it, as its targets print it."""

import math
from dataclasses import dataclass
from typing import Any

from stackc.memory import Memory
from stackc.settings import Setting
from stackc.stack import Provider, Stack
from stackc.upstreams import Egress, egress, untold
from stackc.values import Checked, LateBound

MEBIBYTE = 1 << 20

STEP = 32
"""Mebibytes that figures are rounded up to, so that a small change of a model leaves them."""

MARGIN = 1.25
"""How much more a stack may take than is estimated before it is ended."""

REQUESTS = 256_000_000
"""Bytes for what requests hold, and for the files under `/tmp` and `/dev/shm`."""

CUDA = 2_000_000_000
"""Bytes of the machine's own memory that CUDA's libraries may take: a reserve, not a measurement."""

CORES = 2
"""Cores of a stack that computes, where its `threads` are as many as there are cores."""

GATEWAY_SHARE = 250
"""Thousandths of a core that a stack is given which only passes on."""

READ = 50_000_000
"""Bytes of models that a slow disk reads in a second."""

STARTUP = 60
"""Seconds in which a stack without models has started on a slow machine."""

PERIOD = 2
"""Seconds between two looks at whether a stack has started."""

LONGEST_NAME = 63
"""Characters of a label of DNS, which the name of a Service is."""

EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True)
class Given:
    """A variable that the targets set themselves, because what they print depends on it."""

    variable: str
    value: str


@dataclass(frozen=True)
class Way:
    """How a target is used, in a line."""

    target: str
    how: str


@dataclass(frozen=True)
class Deployment:
    """What the targets print, decided.

    `name` is the stack's as DNS has it. `public` are the variables with values that may be seen,
    `secrets` those that are only referred to. Memory is in mebibytes, `cpu_request` in thousandths
    of a core; `computes` says whether models run in the stack. `untold` says of what the stack
    connects to and only its variables tell.
    """

    name: str
    port: int
    given: tuple[Given, ...]
    public: tuple[Setting, ...]
    secrets: tuple[Setting, ...]
    memory_request: int
    memory_limit: int
    cpu_request: int
    cpu_limit: int
    computes: bool
    gpus: int
    startup_failures: int
    egress: tuple[Egress, ...]
    untold: tuple[str, ...]
    ways: tuple[Way, ...]

    @property
    def needs_settings(self) -> bool:
        """Whether the stack cannot start without a variable."""
        return any(setting.required for setting in (*self.public, *self.secrets))

    @property
    def low_port(self) -> bool:
        """Whether the port is one that only privileged processes may listen on."""
        return self.port < 1024

    def as_json(self) -> dict[str, Any]:
        """What plan.json shows: the figures, and what the stack connects to."""
        return {
            "port": self.port,
            "given": {each.variable: each.value for each in self.given},
            "memory_mebibytes": {"request": self.memory_request, "limit": self.memory_limit},
            "cpu_millicores": {"request": self.cpu_request, "limit": self.cpu_limit * 1000},
            "gpus": self.gpus,
            "egress": {str(each.port): list(each.upstreams) for each in self.egress},
            "untold": list(self.untold),
        }


def deployment_of(
    stack: Stack, targets: tuple[str, ...], settings: tuple[Setting, ...], port: int, memory: Memory
) -> Deployment:
    """The deployment of a stack that has no `faults` for its targets."""
    given = tuple(_given(stack, port))
    fixed = {each.variable for each in given}
    computes = bool(memory.models)
    cores = _cores(stack) if computes else 1
    on_gpu = bool(memory.gpu)
    reserve = CUDA if on_gpu else 0
    name = dns_name(stack.name)
    return Deployment(
        name=name,
        port=port,
        given=given,
        public=tuple(each for each in settings if not each.secret and each.variable not in fixed),
        secrets=tuple(each for each in settings if each.secret),
        memory_request=_mebibytes(memory.start + reserve),
        memory_limit=_mebibytes(memory.full * MARGIN + REQUESTS + reserve),
        cpu_request=cores * 1000 if computes else GATEWAY_SHARE,
        cpu_limit=cores,
        computes=computes,
        gpus=1 if on_gpu else 0,
        startup_failures=math.ceil((STARTUP + (memory.start + memory.gpu) / READ) / PERIOD),
        egress=egress(stack),
        untold=untold(stack),
        ways=tuple(way for way in _ways(stack.name, name) if way.target in targets),
    )


def dns_name(name: str) -> str:
    """The name of a stack as a label of DNS: `_` is `-`, and it ends after 63 characters."""
    return name.replace("_", "-")[:LONGEST_NAME].rstrip("-")


def _ways(name: str, label: str) -> tuple[Way, ...]:
    return (
        Way("compose", "`docker compose up --detach`"),
        Way("helm", f"`helm install {label} ./helm`"),
        Way("kubernetes", "`kubectl apply --kustomize kubernetes`"),
        Way("systemd", f"as the first lines of `systemd/{name}.service` say"),
    )


def _given(stack: Stack, port: int) -> list[Given]:
    """The variables of the address: the port as it is published, and every address to listen on."""
    found = (("host", EVERYWHERE), ("port", str(port)))
    variables = ((_variable(stack.server.get(key)), value) for key, value in found)
    return [Given(variable, value) for variable, value in variables if variable]


def _variable(value: Checked) -> str | None:
    """The variable that decides a value alone, if there is one."""
    only = value.only if isinstance(value, LateBound) else None
    return only.name if only and only.operator != ":+" else None


def _cores(stack: Stack) -> int:
    """The cores that the threads of the stack's models take."""
    computing = {model.provider.id: model.provider for model in stack.models if model.source}
    return max(map(_threads, computing.values())) or CORES


def _threads(provider: Provider) -> int:
    """The threads of a provider's models; 0 for as many as there are cores."""
    value = provider.config.get("threads")
    if isinstance(value, LateBound):
        only = value.only
        given = only.operand if only and only.operator == ":=" else ""
        return int(given) if given else 0
    return value if isinstance(value, int) else 0


def _mebibytes(size: float) -> int:
    return math.ceil(size / (MEBIBYTE * STEP)) * STEP

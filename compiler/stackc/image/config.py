"""The config of an image: what its base says, and over it what the plan says of the container."""

from collections.abc import Mapping, Sequence
from typing import Any

from stackc.container import Container, Health
from stackc.image.base import Base
from stackc.image.oci import Layer, Platform

EPOCH = "1970-01-01T00:00:00Z"
"""When an image was made is not what it is."""

SECOND = 1_000_000_000


def config_of(
    container: Container, base: Base, layers: Sequence[Layer], platform: Platform
) -> dict[str, Any]:
    """The config of the base with `layers` on it.

    OCI knows no health check. It says that unknown keys are to be ignored, and Docker reads its own
    from the config of an OCI image too, so there is one config for both.
    """
    return {
        "architecture": platform.architecture,
        "os": platform.os,
        "created": EPOCH,
        "config": _run_config(container, base.config.get("config") or {}),
        "rootfs": {
            "type": "layers",
            "diff_ids": [layer.diff_id for layer in (*base.layers, *layers)],
        },
        "history": [*_history(base), *(_step(f"stackc: {layer.title}") for layer in layers)],
    }


def _run_config(container: Container, base: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: base[key] for key in ("Entrypoint", "StopSignal", "Volumes") if base.get(key)}
    labels = {**(base.get("Labels") or {}), **dict(container.labels)}
    return {
        **kept,
        "Cmd": list(container.command),
        "Env": _environment(base.get("Env") or (), container),
        "ExposedPorts": {**(base.get("ExposedPorts") or {}), f"{container.port}/tcp": {}},
        "Healthcheck": _health(container.health),
        "Labels": labels,
        "User": container.user,
        "WorkingDir": container.folder,
    }


def _environment(base: Sequence[str], container: Container) -> list[str]:
    """The base's variables in its order, then those that the container has or changes."""
    own = dict(container.environment)
    kept = [variable for variable in base if variable.partition("=")[0] not in own]
    return [*kept, *(f"{name}={value}" for name, value in own.items())]


def _health(health: Health) -> dict[str, Any]:
    return {
        "Test": ["CMD", *health.command],
        "Interval": health.interval * SECOND,
        "Timeout": health.timeout * SECOND,
        "StartPeriod": health.start_period * SECOND,
        "Retries": health.retries,
    }


def _history(base: Base) -> list[Any]:
    """The base's history where it tells of each of its layers, else a line for each."""
    history = base.config.get("history") or []
    if sum(not step.get("empty_layer") for step in history) == len(base.layers):
        return list(history)
    return [_step("base") for _ in base.layers]


def _step(text: str) -> dict[str, str]:
    return {"created": EPOCH, "created_by": text}

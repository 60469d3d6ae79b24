"""The settings of the stack `starlette`: each is the environment variable of its name in capitals."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides when the stack starts."""

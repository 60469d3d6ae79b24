"""What can go wrong with an image outside of the distribution."""

from collections.abc import Sequence


class ImageError(Exception):
    """What an image needs is not there, or what takes it refuses."""


class BaseError(ImageError):
    """The base image cannot be read, or is not what it says; the message tells why."""


class WrongPlatformError(ImageError):
    """The base image is for other platforms than the one that is wanted."""

    def __init__(self, base: str, wanted: str, found: Sequence[str]) -> None:
        super().__init__(f"{base} is not for {wanted}")
        self.base, self.wanted, self.found = base, wanted, tuple(found)


class RegistryError(ImageError):
    """A registry cannot be reached, or answered what nobody can go on with."""

    def __init__(self, host: str, problem: str) -> None:
        super().__init__(f"the registry `{host}` {problem}")
        self.host = host


class DeniedError(RegistryError):
    """A registry wants a login, or the login may not do this."""

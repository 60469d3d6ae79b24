"""A provider."""

from acme import added


class Acme:
    def __init__(self) -> None:
        self.added = added

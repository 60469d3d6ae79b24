"""A provider whose constructor takes other things than its config has."""


class Acme:
    def __init__(
        self, *, base_url: str, connect_timeout: float = 10, zone: str, models: list[str]
    ) -> None:
        self._base_url = base_url

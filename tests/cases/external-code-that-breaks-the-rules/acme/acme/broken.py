"""A provider that is not Python."""


class Acme
    pass

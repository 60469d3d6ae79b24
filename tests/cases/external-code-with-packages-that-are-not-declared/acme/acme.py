"""A provider that imports packages, and a module of ours that does."""

from typing import TYPE_CHECKING

import yaml
from stackrt.upstream import Upstream

if TYPE_CHECKING:
    import numpy


class Acme:
    def __init__(self) -> None:
        import tenacity.retry

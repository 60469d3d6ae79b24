"""A provider that loads what it needs when it runs."""

import importlib

import calendar
import stackrt.upstreem
from acme import helpers, tables
from acme.helper import name
from ..elsewhere import what


class Acme:
    def __init__(self, *, module: str = "acme") -> None:
        self._module = __import__(module)
        self._what = getattr(what, name)
        self._other = getattr(what, "name")

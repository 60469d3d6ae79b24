"""Where the compiler's data is: schemas, templates, pages of errors, the runtime library.

A wheel carries them inside the package; an editable install finds them in the checkout.
"""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent.parent


@cache
def folder(name: str) -> Path:
    """The folder of one kind of data: `schemas`, `templates` or `errors`."""
    packed = _PACKAGE / "data" / name
    if packed.is_dir():
        return packed
    return _CHECKOUT / ("docs/errors" if name == "errors" else name)


@cache
def runtime() -> Path:
    """The folder of the runtime library's sources, `stackrt`."""
    beside = _PACKAGE.parent / "stackrt"
    return beside if beside.is_dir() else _CHECKOUT / "runtime" / "stackrt"

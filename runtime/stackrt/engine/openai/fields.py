"""Reads the fields of a request: defaults, ranges, and a plain answer to what cannot be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from stackrt.errors import ApiError, bad_request, unsupported

PROVIDER = "inline::onnx"

Fields = Mapping[str, object]


def number(fields: Fields, name: str, *, default: float, low: float, high: float) -> float:
    """The number `name`, or `default` if it is absent or null. Raises a 400 outside its range."""
    value = fields.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad_request(f"`{name}` must be a number", param=name)
    if not low <= value <= high:
        raise bad_request(f"`{name}` must be from {low:g} to {high:g}, not {value:g}", param=name)
    return value


def integer(fields: Fields, name: str, *, low: int, high: int | None = None) -> int | None:
    """The integer `name`, or None if it is absent or null. Raises a 400 outside its range."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(f"`{name}` must be an integer", param=name)
    if value < low or (high is not None and value > high):
        bounds = f"at least {low}" if high is None else f"from {low} to {high}"
        raise bad_request(f"`{name}` must be {bounds}, not {value}", param=name)
    return value


def choice(fields: Fields, names: Sequence[str], allowed: Sequence[str]) -> str | None:
    """What one of `names`, which mean the same, says; None if all are absent or null.

    Capitals do not matter. Raises a 400 unless it is one of `allowed`.
    """
    for name in names:
        value = fields.get(name)
        if value is None:
            continue
        found = {each.lower(): each for each in allowed}.get(str(value).lower())
        if found is None or not isinstance(value, str):
            known = ", ".join(f"`{each}`" for each in allowed) or "absent: the model has none"
            raise bad_request(f"`{name}` must be {'one of ' if allowed else ''}{known}", param=name)
        return found
    return None


def not_supported(capability: str, param: str) -> ApiError:
    """501: this engine cannot do what the field `param` asks for."""
    error = unsupported(f"{capability} (`{param}`)", PROVIDER)
    error.param = param
    return error


def check_known(fields: Fields, known: Set[str], capabilities: Mapping[str, str]) -> None:
    """Raises unless every field that is set is `known`: what is asked for is never dropped.

    501 for a field of `capabilities`, which maps it to the words for it, and 400 for others.
    """
    for name, value in fields.items():
        if value is None or name in known:
            continue
        if name in capabilities:
            raise not_supported(capabilities[name], name)
        raise bad_request(f"unrecognized request argument: `{name}`", param=name)

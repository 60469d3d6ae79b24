"""Which changes break a client, an environment or a deployment that relied on the stack."""

from collections.abc import Callable

from stackc.comparison.change import Change, Detail


def breaking(change: Change) -> str | None:
    """What no longer works after a change; None where all does."""
    if change.kind == "removed":
        return REMOVED.get(change.section)
    if change.section == "variables":
        return _variable(change)
    if change.kind == "added" or change.section not in CHANGED:
        return None
    reasons = filter(None, map(CHANGED[change.section], change.details))
    return "; ".join(dict.fromkeys(reasons)) or None


REMOVED = {
    "APIs": "its routes are gone",
    "routes": "requests to it get a 404",
    "providers": "its models are gone",
    "models": "requests for it get a 404",
}
"""What breaks when something of a section is gone."""


UNSTARTED = "the stack does not start without it"


def _variable(change: Change) -> str | None:
    found = (_of_variable(detail, change.kind == "added") for detail in change.details)
    reasons = [reason for reason in found if reason]
    return UNSTARTED if UNSTARTED in reasons else "; ".join(reasons) or None


def _of_variable(detail: Detail, added: bool) -> str | None:
    if detail.field == "required" and detail.after != "no":
        if detail.after == "always":
            return UNSTARTED
        return f"it is required {detail.after}" if not added else None
    if added:
        return None
    if detail.field == "kind" and detail.before is not None:
        plain = detail.before.removeprefix("secret "), str(detail.after).removeprefix("secret ")
        return "what it is set to may no longer be read" if plain[0] != plain[1] else None
    return "where it is not set, it means something else" if detail.field == "default" else None


def _server(detail: Detail) -> str | None:
    if detail.field in ("port", "image's port"):
        return "clients look for it at the other port"
    if detail.field == "host":
        return "it may not be reached any more"
    return "it needs a GPU" if (detail.field, detail.after) == ("needs a GPU", "yes") else None


def _provider(detail: Detail) -> str | None:
    if detail.field == "type":
        return f"the provider type {detail.before} is gone from it"
    if detail.field == "there" and detail.after != "always":
        return f"it is only there {detail.after}"
    return None


def _model(detail: Detail) -> str | None:
    if detail.field == "type":
        return "other requests are for it"
    if detail.field == "metadata.embedding_dimension":
        return "vectors that were stored do not fit new ones"
    if detail.field == "context_length" and _less(detail):
        return "long prompts no longer fit"
    return None


def _less(detail: Detail) -> bool:
    sizes = str(detail.before), str(detail.after)
    return all(size.isdigit() for size in sizes) and int(sizes[1]) < int(sizes[0])


CHANGED: dict[str, Callable[[Detail], str | None]] = {
    "server": _server,
    "providers": _provider,
    "models": _model,
}
"""What breaks when a field of something changes, by section."""

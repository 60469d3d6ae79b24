"""All that is known of a word: a name may be that of several kinds of things."""

from collections.abc import Iterator

from stackc.reasons.modules import module_answers, module_names
from stackc.reasons.packages import package_answers, package_names
from stackc.reasons.parts import (
    Known,
    api_answers,
    api_names,
    model_answers,
    model_names,
    provider_answers,
    provider_names,
    route_answers,
    route_names,
)
from stackc.reasons.reason import Answer
from stackc.reasons.variables import variable_answers, variable_names

KINDS = (
    (api_answers, api_names),
    (route_answers, route_names),
    (provider_answers, provider_names),
    (model_answers, model_names),
    (variable_answers, variable_names),
    (package_answers, package_names),
    (module_answers, module_names),
)
"""What can be asked about, in the order of the answers."""


def answers(word: str, known: Known) -> tuple[Answer, ...]:
    """An answer for each thing of that name."""
    return tuple(answer for find, _ in KINDS for answer in find(word, known))


def names(known: Known) -> Iterator[str]:
    """Every name that has an answer."""
    for _, find in KINDS:
        yield from find(known)

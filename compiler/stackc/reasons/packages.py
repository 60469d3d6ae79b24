"""Why a package is in the lock: what asks for it, and what asks for that."""

import re
from collections.abc import Iterator

from stackc.catalog import Packages
from stackc.reasons.chains import Links, Root, chains
from stackc.reasons.parts import Known, declared, provider_words
from stackc.reasons.reason import Answer, Reason
from stackc.resolve import name_of
from stackc.stack import Provider


def package_names(known: Known) -> tuple[str, ...]:
    """Every package of the lock, and those that it leaves out."""
    names = (package.name for package in known.plan.lock.packages)
    return tuple(dict.fromkeys((*names, *known.plan.lock.excludes)))


def package_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why a package is in the lock, or is left out of it."""
    name = _normalised(word)
    found = [each for each in known.plan.lock.packages if _normalised(each.name) == name]
    if found:
        versions = ", ".join(each.version for each in found)
        reasons = chains(name, _links(known)) or (
            Reason("the lock does not tell what requires it"),
        )
        yield Answer("package", name, f"{found[0].name} {versions} is in the stack", reasons)
    elif name in map(_normalised, known.plan.lock.excludes):
        yield Answer("package", name, f"{name} is left out", tuple(_excluding(name, known)))


def _links(known: Known) -> Links:
    via: dict[str, dict[str, None]] = {}
    for package in known.plan.lock.packages:
        asking = via.setdefault(_normalised(package.name), {})
        asking.update(dict.fromkeys(map(_normalised, package.via)))
    roots = dict(_roots(known))
    return Links(
        roots=lambda name: roots.get(name, ()),
        above=lambda name: tuple(via.get(name, ())),
        words="{} requires it",
    )


def _roots(known: Known) -> Iterator[tuple[str, list[Root]]]:
    """What the lock was resolved from, and who wants it."""
    for name in dict.fromkeys(_normalised(name_of(each)) for each in known.plan.lock.requires):
        yield name, [*_base(name, known), *_importing(name, known)]


def _base(name: str, known: Known) -> Iterator[Root]:
    if name in {_normalised(name_of(each)) for each in known.catalog.base_packages}:
        yield "", Reason("every stack imports it")


def _importing(name: str, known: Known) -> Iterator[Root]:
    for provider in known.stack.providers:
        if name in {_normalised(name_of(each)) for each in _packages(provider).required}:
            text = f"{provider_words(provider)} imports it"
            key = f"{provider.api}/{provider.id}"
            yield key, Reason(text, declared(provider, known.stack))


def _excluding(name: str, known: Known) -> Iterator[Reason]:
    for provider in known.stack.providers:
        if name in map(_normalised, _packages(provider).excluded):
            text = (
                f"{provider_words(provider)} never imports it, though what it imports asks for it"
            )
            yield Reason(text, declared(provider, known.stack))


def _packages(provider: Provider) -> Packages:
    found = tuple(provider.type.packages_of(dict(provider.config.fields)))
    return Packages(
        tuple(each for packages in found for each in packages.required),
        tuple(each for packages in found for each in packages.excluded),
    )


def _normalised(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()

"""Why a module of the runtime library is in a stack: who imports it, up to what is declared."""

from collections.abc import Iterator, Mapping

from stackc import resources
from stackc.emit import emit
from stackc.reasons.chains import Links, Root, chains
from stackc.reasons.parts import Known, declared, provider_words
from stackc.reasons.reason import Answer, Reason
from stackc.shake import importers

CHAT_TEMPLATES = b"import stackrt.engine.template\n"
"""What `chat_templates.py` imports, told without the files of the models."""


def module_names(known: Known) -> tuple[str, ...]:
    """Every module of the runtime library, and of external providers, that the stack reaches."""
    return tuple(_importers(known))


def module_answers(word: str, known: Known) -> Iterator[Answer]:
    """Why a module is reached: the shortest chains only, for there are many others."""
    if not word.startswith("stackrt") and not known.stack.external:
        return
    name = word.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    found = _importers(known)
    if name in found:
        links = Links(
            roots=lambda module: _roots(module, found, known),
            above=lambda module: found.get(module, ()),
            words="{} imports it",
        )
        yield Answer("module", name, f"{name} is in the stack", chains(name, links))


def _importers(known: Known) -> Mapping[str, tuple[str, ...]]:
    files = emit(known.plan, None)
    sources = {path: data for path, data in files.items() if path.endswith(".py")}
    if any(model.function for model in known.plan.models):
        sources[f"{known.plan.package}/chat_templates.py"] = CHAT_TEMPLATES
    return importers(sources, resources.runtime(), known.stack.external_code)


def _roots(module: str, found: Mapping[str, tuple[str, ...]], known: Known) -> list[Root]:
    """What of the distribution is made of a module; else the generated file that imports it."""
    named = [("", reason) for reason in (*_providers(module, known), *_apis(module, known))]
    package = known.plan.package
    generated = [name for name in found.get(module, ()) if name.partition(".")[0] == package]
    texts = (f"{name.replace('.', '/')}.py imports it" for name in generated)
    return named or [("", Reason(text)) for text in texts]


def _providers(module: str, known: Known) -> Iterator[Reason]:
    kinds = {model.locked.model_type for model in known.plan.models}
    for provider in known.stack.providers:
        compiled = provider.type.compiled_models
        modules = {provider.type.constructor.module}
        modules |= {compiled[kind].module for kind in kinds if kind in compiled}
        if module in modules:
            text = f"{provider_words(provider)} is made of it"
            yield Reason(text, declared(provider, known.stack))


def _apis(module: str, known: Known) -> Iterator[Reason]:
    for api in known.stack.apis:
        if api.endpoint.module == module:
            yield Reason(f"the API `{api.name}` is made of it")

"""Emitting: a plan becomes files. Templates only loop; the same plan gives the same bytes."""

from functools import cache
from pathlib import PurePosixPath

from jinja2 import Environment

from stackc import literals, rendering, requirements, resources
from stackc.garbage import kept
from stackc.plan import Plan

Files = dict[str, bytes]
"""Paths below the generated folder, `/` between their parts, and what the files hold."""

TARGETS = ("container", "package")
"""The template folders: `package` goes into the Python package, the rest beside it."""


@kept()
def emit(plan: Plan, chat_templates: str | None) -> Files:
    """The files of a plan, sorted by path; `chat_templates` is that module's text, if any."""
    texts = {"plan.json": literals.json_text(plan.as_json())}
    texts["openapi.json"] = literals.json_text(plan.openapi)
    texts["requirements.txt"] = requirements.text(plan.lock.packages)
    for target in TARGETS:
        for template in _templates(target):
            texts[_path(plan, target, template)] = _render(plan, f"{target}/{template}")
    if chat_templates is not None:
        texts[f"{plan.package}/chat_templates.py"] = chat_templates
    return {path: texts[path].encode() for path in sorted(texts)}


def _path(plan: Plan, target: str, template: str) -> str:
    name = template.removesuffix(".jinja")
    return f"{plan.package}/{name}" if target == "package" else name


def _render(plan: Plan, template: str) -> str:
    return _environment().get_template(template).render(plan=plan)


@cache
def _templates(target: str) -> tuple[str, ...]:
    folder = resources.folder("templates") / target
    found = (path.relative_to(folder) for path in folder.rglob("*.jinja"))
    return tuple(sorted(str(PurePosixPath(path)) for path in found))


@cache
def _environment() -> Environment:
    environment = rendering.environment(resources.folder("templates"))
    environment.filters["python"] = literals.python
    environment.filters["string"] = literals.string
    environment.filters["constant"] = literals.constant
    environment.filters["shell"] = literals.shell
    return environment

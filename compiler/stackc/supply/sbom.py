"""The software bill of materials of a stack, as CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/.

Written as plain JSON: the library that makes such documents brings five packages and stamps each with
a time and a random number, both of which are optional. The tests hold the official schema to it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from stackc.lock import LockedModel, LockedSource, Package
from stackc.models.sources.source import LockedFile
from stackc.plan import Plan
from stackc.planned_models import PlannedModel
from stackc.resolve import name_of
from stackc.supply import digests
from stackc.supply.licences import is_known
from stackc.supply.purls import COMPILER, marker, purl, source_url, version
from stackc.version import VERSION

Json = dict[str, Any]

RUNTIME = "stackrt"
"""The reference of the runtime library."""


def sbom(plan: Plan, runtime: Mapping[str, Path]) -> Json:
    """The document of a planned stack and the runtime modules that it reaches, by their paths."""
    root = f"stack:{plan.name}"
    components = [
        _runtime(runtime),
        *map(_package, plan.lock.packages),
        *map(_model, plan.models),
        *map(_external, plan.lock.external_providers),
    ]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": {"components": [_tool()]},
            "component": {"type": "application", "bom-ref": root, "name": plan.name},
        },
        "components": sorted(components, key=_reference),
        "dependencies": sorted(_dependencies(plan, root), key=lambda each: str(each["ref"])),
    }


def _reference(component: Json) -> str:
    return str(component["bom-ref"])


def _tool() -> Json:
    return {"type": "application", "name": "stackc", "version": VERSION, "purl": COMPILER}


def _runtime(modules: Mapping[str, Path]) -> Json:
    found = digests.of_files(modules)
    return {
        "type": "library",
        "bom-ref": RUNTIME,
        "name": RUNTIME,
        "version": VERSION,
        "components": [_file(path, found[path]) for path in sorted(found)],
    }


def _file(path: str, sha256: str) -> Json:
    return {"type": "file", "name": path, "hashes": [_hash(sha256)]}


def _hash(sha256: str) -> Json:
    return {"alg": "SHA-256", "content": sha256}


def _package(package: Package) -> Json:
    """A package; its hashes stand with its distribution, because a version has many files."""
    where = marker(package)
    return {
        "type": "library",
        "bom-ref": purl(package),
        "name": canonicalize_name(package.name),
        "version": version(package),
        **_licences(package.licence),
        "purl": purl(package),
        "externalReferences": [_files_of(package)],
        **({"properties": [_property("marker", where)]} if where else {}),
    }


def _files_of(package: Package) -> Json:
    return {
        "type": "distribution",
        "url": purl(package),
        "comment": "the hashes of all files that may be installed",
        "hashes": [_hash(each.removeprefix("sha256:")) for each in package.hashes],
    }


def _licences(licence: str | None) -> Json:
    """What is declared, as one licence where SPDX has an identifier for it."""
    if licence is None:
        return {}
    if is_known(licence) and re.fullmatch(r"[A-Za-z0-9.-]+", licence):
        return {"licenses": [{"license": {"id": licence, "acknowledgement": "declared"}}]}
    return {"licenses": [{"expression": licence, "acknowledgement": "declared"}]}


def _model(model: PlannedModel) -> Json:
    locked = model.locked
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{model.folder}",
        "name": model.folder,
        **_licences(locked.licence),
        "externalReferences": [
            {"type": "distribution", "url": source_url(locked.pinned_source)}
        ],
        "components": [_model_file(file) for file in _files(locked)],
        "properties": [
            _property(name, value)
            for name, value in (
                ("architecture", locked.architecture),
                ("licence-said-by", locked.licence_by),
                ("parameters", str(locked.parameters)),
                ("quantization", locked.quantization),
                ("source", str(locked.pinned_source)),
            )
            if value
        ],
    }  # fmt: skip


def _external(source: LockedSource) -> Json:
    """External providers: their files, of the catalog and of code."""
    return {
        "type": "library",
        "bom-ref": _external_ref(source),
        "name": source.source,
        "components": [_file(file.path, file.sha256) for file in source.files],
    }


def _external_ref(source: LockedSource) -> str:
    return f"external:{source.source}"


def _files(model: LockedModel) -> tuple[LockedFile, ...]:
    """The files of a model, and the table that its head was fitted to."""
    return (*model.files, *(model.head.files if model.head else ()))


def _model_file(file: LockedFile) -> Json:
    return {**_file(file.path, file.sha256), "properties": [_property("size", str(file.size))]}


def _property(name: str, value: str) -> Json:
    return {"name": f"stackc:{name}", "value": value}


def _dependencies(plan: Plan, root: str) -> Iterator[Json]:
    """Who requires whom: the stack what it imports, each package what says `via` it."""
    packages = plan.lock.packages
    asked = {canonicalize_name(name_of(each)) for each in plan.lock.requires}
    direct = [purl(each) for each in packages if canonicalize_name(each.name) in asked]
    others = [f"model:{model.folder}" for model in plan.models]
    others += map(_external_ref, plan.lock.external_providers)
    yield _depends(root, [*direct, *others, RUNTIME])
    yield _depends(RUNTIME, ())
    yield from (_depends(other, ()) for other in others)
    for package in packages:
        name = canonicalize_name(package.name)
        below = (each for each in packages if name in map(canonicalize_name, each.via))
        yield _depends(purl(package), map(purl, below))


def _depends(ref: str, on: Iterable[str]) -> Json:
    return {"ref": ref, "dependsOn": sorted(on)}

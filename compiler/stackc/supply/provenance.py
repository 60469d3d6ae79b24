"""The provenance of a stack's files: an in-toto Statement with a predicate of SLSA.

Statement v1: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
Provenance v1: https://slsa.dev/spec/v1.0/provenance

It holds no time and no machine: whoever builds the same inputs gets the same statement, and can
compare it. The builder is the compiler at its version.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stackc import lock, resources
from stackc.emit import Files
from stackc.models.sources.source import LockedFile, ModelSource, parse_source
from stackc.overlay import bases
from stackc.plan import Plan
from stackc.stack import Stack
from stackc.supply import digests
from stackc.supply.catalog_files import catalog_files
from stackc.supply.purls import COMPILER, purl, source_url
from stackc.version import VERSION

Json = dict[str, Any]

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:stackc:build:v1"
"""`stackc build` of the distribution `externalParameters.distribution`: all else follows from the
resolved dependencies and the builder."""


def provenance(stack: Stack, plan: Plan, files: Files, distribution: Path) -> Json:
    """The statement about the committed files of a stack."""
    return {
        "_type": STATEMENT,
        "subject": _subjects(plan.name, digests.of_bytes(files)),
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"distribution": distribution.name},
                "resolvedDependencies": [
                    *_inputs(distribution),
                    *_catalog(stack),
                    *_packages(plan),
                    *_model_files(plan),
                    *_external_files(plan),
                ],
            },
            "runDetails": {"builder": {"id": COMPILER, "version": {"stackc": VERSION}}},
        },
    }


def _subjects(name: str, files: digests.Digests) -> list[Json]:
    """The folder as a whole, then each file of it."""
    whole = {"name": f"{name}/", "digest": {"dirHash": digests.of_all(files)}}
    each = [{"name": f"{name}/{path}", "digest": {"sha256": files[path]}} for path in sorted(files)]
    return [whole, *each]


def _inputs(distribution: Path) -> Iterator[Json]:
    """The distribution, what it extends, its lock; by their paths from its folder."""
    for path in (distribution, *bases(distribution), lock.path_of(distribution)):
        name = Path(os.path.relpath(path, distribution.parent)).as_posix()
        yield {"name": name, "digest": {"sha256": digests.of_file(path)}}


def _catalog(stack: Stack) -> Iterator[Json]:
    root = resources.folder("schemas")
    for path in catalog_files(stack, root):
        name = f"schemas/{path.relative_to(root).as_posix()}"
        yield {"name": name, "digest": {"sha256": digests.of_file(path)}}


def _packages(plan: Plan) -> Iterator[Json]:
    """Each file that the lock allows for a package: which one is installed, the machine tells."""
    for package in plan.lock.packages:
        for each in package.hashes:
            algorithm, _, value = each.partition(":")
            yield {"uri": purl(package), "digest": {algorithm: value}}


def _model_files(plan: Plan) -> Iterator[Json]:
    """The files of the models, and the tables that their heads were fitted to."""
    for model in plan.models:
        source, head = model.locked.pinned_source, model.locked.head
        yield from (_file(source, file) for file in model.locked.files)
        if head:
            yield from (_file(parse_source(head.data), file) for file in head.files)


def _external_files(plan: Plan) -> Iterator[Json]:
    """The files of external providers, of their catalogs and of their code."""
    for locked in plan.lock.external_providers:
        source = parse_source(locked.source)
        yield from (_file(source, file) for file in locked.files)


def _file(source: ModelSource, file: LockedFile) -> Json:
    return {"uri": source_url(source), "name": file.path, "digest": {"sha256": file.sha256}}

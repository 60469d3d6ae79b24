"""Verifying: whether a folder is what its inputs make, container context and all."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from stackc.artifacts import context
from stackc.cache import cache_dir
from stackc.catalog import Catalog
from stackc.lock import Lock
from stackc.package import CONTEXT
from stackc.pipeline import emitted, planned_stack
from stackc.supply import digests


def wanted(distribution: Path, catalog: Catalog) -> tuple[digests.Digests, Lock]:
    """What a build of a distribution makes, and the lock behind it; raises CompileError.

    Models are compiled anew, elsewhere: a folder that was built here shares its files with the
    cache, which therefore cannot bear witness.
    """
    stack, plan = planned_stack(distribution, catalog)
    files = emitted(plan, distribution)
    cache_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=".verify-") as name:
        made = context(stack, plan, files, cache=Path(name))
        written = digests.of_bytes({**files, **made.code})
        return {**written, **digests.of_files(made.linked)}, plan.lock


def faults(folder: Path, made: digests.Digests, lock: Lock) -> list[str]:
    """How a folder differs from what a build makes, a line each; nothing where it does not."""
    found = digests.of_folder(folder)
    absent = [name for name in CONTEXT if _has(made, name) and not _has(found, name)]
    there = {path: made[path] for path in made if path.split("/")[0] not in absent}
    return [
        *(f"missing: {name}/" for name in sorted(absent)),
        *digests.differences(there, found),
        *_unpinned(found, lock),
    ]


def _has(found: Mapping[str, str], folder: str) -> bool:
    return any(path.startswith(f"{folder}/") for path in found)


def _unpinned(found: digests.Digests, lock: Lock) -> Iterator[str]:
    """Wheels that no hash of the lock allows, even if the cache has the same."""
    pinned = {each for package in lock.packages for each in package.hashes}
    for path, digest in found.items():
        if path.startswith("wheels/") and f"sha256:{digest}" not in pinned:
            yield f"not pinned by the lock: {path}"

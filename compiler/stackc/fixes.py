"""Fixing: a distribution is rewritten where there is exactly one safe way to mend it."""

import codecs
import errno
import os
import stat
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from stackc.catalog import Catalog
from stackc.diagnostics import build_errors
from stackc.diagnostics.render import concise
from stackc.diagnostics.report import CompileError, Diagnostic, Edit
from stackc.diagnostics.text import printable
from stackc.load import read
from stackc.pipeline import planned_document
from stackc.source import Source, Span

ROUNDS = 10
"""How often a text is mended; a stage tells its faults only where those before it are gone."""

Diagnose = Callable[[str], Sequence[Diagnostic]]


def fix(distribution: Path, catalog: Catalog) -> tuple[Diagnostic, ...]:
    """Applies every fix to a file; returns what is fixed, in the order in which that was done.

    Line ends, a byte order mark and all that no fix names stay byte for byte. Raises CompileError
    where there is something to fix and the file cannot be written; one that cannot be read is left
    to the check.
    """
    try:
        data = distribution.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    mended, fixed = mend(text, lambda text: _diagnostics(distribution, text, catalog))
    if mended != text:
        mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        _write(distribution, data, mark + mended.encode())
    return fixed


def mend(text: str, diagnose: Diagnose) -> tuple[str, tuple[Diagnostic, ...]]:
    """A text after all fixes, and what they fixed; as it was where the fixes come to no end."""
    now, found = text, diagnose(text)
    fixed: tuple[Diagnostic, ...] = ()
    for _ in range(ROUNDS):
        chosen = _chosen(now, found)
        mended = applied(now, [edit for each in chosen for edit in each.fix])
        if mended == now:
            return now, fixed
        before, found = found, diagnose(mended)
        if _is_broken(before, found):
            return now, fixed
        now, fixed = mended, fixed + chosen
    return text, ()


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text after edits that do not overlap, from its end to its start, so that places stay."""
    for edit in sorted(edits, key=lambda edit: edit.span.range, reverse=True):
        start, end = edit.span.range
        text = text[:start] + edit.text + text[end:]
    return text


def told(fixed: Diagnostic) -> str:
    """A line that says what is fixed, and what stands there now, which may be a secret."""
    now = ", ".join(f"`{printable(edit.text)}`" for edit in fixed.fix)
    return concise(fixed, kind="fixed") + ("" if fixed.secret else f", now {now}")


def _diagnostics(distribution: Path, text: str, catalog: Catalog) -> Sequence[Diagnostic]:
    """All that `stackc check` would say of a text in the place of the file's."""
    try:
        return planned_document(read(distribution, text), catalog)[1].warnings
    except CompileError as error:
        return error.diagnostics


def _chosen(text: str, found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those that have a fix of this text which leaves the ones chosen before alone."""
    chosen: list[Diagnostic] = []
    taken: list[tuple[int, int]] = []
    for each in found:
        ranges = sorted(taken + [edit.span.range for edit in each.fix])
        here = all(edit.span.source.text == text for edit in each.fix)
        if each.fix and here and _are_apart(ranges):
            chosen.append(each)
            taken = ranges
    return tuple(chosen)


def _are_apart(ranges: Sequence[tuple[int, int]]) -> bool:
    return all(one[1] <= other[0] and one != other for one, other in pairwise(ranges))


_FORM = ("bad-yaml", "duplicate-key")


def _is_broken(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> bool:
    """Whether a fix damaged the form of the file, which none should."""
    one, other = (Counter(each.code for each in found) for found in (before, after))
    return any(other[code] > one[code] for code in _FORM)


def _write(path: Path, before: bytes, after: bytes) -> None:
    """Writes a file whole or not at all; raises CompileError."""
    try:
        _replace(path, before, after)
    except OSError as error:
        place = Span.start_of(Source(path, before.decode("utf-8-sig")))
        reason = (error.strerror or str(error)).lower()
        raise CompileError([build_errors.write_failed(str(path), reason, place)]) from error


def _replace(path: Path, before: bytes, after: bytes) -> None:
    """Puts a new file where the old one is: with its mode, and if allowed its owner."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):  # replacing a link would leave what it points to as it was
        raise OSError(errno.EINVAL, "it is a link or a device, not a file")
    os.close(os.open(path, os.O_WRONLY))  # replacing a file does not ask whether it may be written
    if path.read_bytes() != before:
        raise OSError(errno.EAGAIN, "it was changed meanwhile")
    descriptor, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            with suppress(PermissionError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
        Path(new).replace(path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise

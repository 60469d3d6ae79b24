"""The wording of what goes wrong while locks, builds and images are made, one function each."""

from collections.abc import Sequence

from stackc.diagnostics.errors import listed
from stackc.diagnostics.report import Diagnostic, Label
from stackc.source import Span


def missing_lock(lock: str, distribution: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "missing-lock",
        f"`{lock}` does not exist, so nothing pins what the stack is made of",
        Label(span),
        help=f"run `stackc lock {distribution}`",
    )


def unreadable_lock(lock: str, distribution: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "stale-lock",
        f"`{lock}` is not a lock that this compiler reads",
        Label(span),
        help=f"run `stackc lock {distribution}`",
    )


def stale_lock(lock: str, distribution: str, changes: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic(
        "stale-lock",
        f"`{lock}` was made for another distribution than this one is now",
        Label(span),
        notes=tuple(changes),
        help=f"run `stackc lock {distribution}`",
    )


def checksum_mismatch(path: str, want: str, got: str, span: Span, distribution: str) -> Diagnostic:
    return Diagnostic(
        "checksum-mismatch",
        f"`{path}` is not the file that the lock pins",
        Label(span),
        notes=(f"pinned: sha256 {want}", f"found:  sha256 {got}"),
        help=f"if the change is meant, run `stackc lock {distribution}`",
    )


def fetch_failed(problem: str, span: Span, notes: Sequence[str] = ()) -> Diagnostic:
    return Diagnostic("fetch-failed", problem, Label(span), notes=tuple(notes))


def lock_failed(problem: str, notes: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic("lock-failed", problem, Label(span), notes=tuple(notes))


def environment_failed(problem: str, notes: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic("environment-failed", problem, Label(span), notes=tuple(notes))


def no_wheel(requirement: str, machine: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "no-wheel",
        f"`{requirement}` has no wheel that an image for {machine} can install",
        Label(span),
        notes=(
            "wheels are for CPython 3.11 on Linux, with the glibc of Debian 12 or an older one",
        ),
        help="leave out the provider that needs it: `stackc why` names it",
    )


def bad_base(problem: str, span: Span) -> Diagnostic:
    return Diagnostic("bad-base", problem, Label(span), help="name another image with `--base`")


def base_for_other_platform(base: str, wanted: str, found: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic(
        "base-for-other-platform",
        f"the base `{base}` is not for {wanted}",
        Label(span),
        notes=(f"it is for: {listed(found)}",),
        help="name a platform of the base with `--platform`, or another base with `--base`",
    )


def registry_failed(problem: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "registry-failed",
        problem,
        Label(span),
        notes=("a tag names a whole image, or what it named before",),
        help="try again: what arrived is not sent anew",
    )


def registry_denied(problem: str, host: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "registry-denied", problem, Label(span), help=f"log in with `docker login {host}`"
    )


def output_is_no_image(problem: str, span: Span) -> Diagnostic:
    return Diagnostic("output-is-no-image", problem, Label(span), help="write into another folder")


def write_failed(path: str, reason: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "write-failed",
        f"`{path}` cannot be written: {reason}",
        Label(span),
        notes=("what was there before is still there, whole",),
    )

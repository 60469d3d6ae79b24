"""The wording of budgets that are exceeded, and of stacks that cannot be measured."""

from collections.abc import Sequence

from stackc.diagnostics.errors import listed
from stackc.diagnostics.report import Diagnostic, Label
from stackc.source import Span


def too_many_packages(real: int, most: int, parts: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic(
        "over-budget",
        f"the stack installs {real} packages, and may install {most}",
        Label(span, f"{real - most} too many"),
        notes=(f"the most come with: {', '.join(parts)}",) if parts else (),
        help=f"leave out a provider (`stackc why` tells what asks for a package), or write `{real}`",
    )


def image_too_large(real: float, most: float, parts: Sequence[str], span: Span) -> Diagnostic:
    return Diagnostic(
        "over-budget",
        f"the image adds {real:.1f} MB to its base, and may add {most:g} MB",
        Label(span, f"{real - most:.1f} MB too much"),
        notes=(f"the largest parts: {', '.join(parts)}",),
        help=f"leave out what is large, or write `{_above(real)}`",
    )


def starts_too_slowly(real: float, most: float, span: Span) -> Diagnostic:
    return Diagnostic(
        "over-budget",
        f"the stack takes {real:.0f} ms to start, and may take {most:g} ms",
        Label(span, f"{real - most:.0f} ms too long"),
        notes=("the median of several starts, to the first answer of `/v1/health`",),
        help=f"leave out what takes long to load, or write `{_above(real)}`",
    )


def too_much_memory(real: float, most: float, span: Span) -> Diagnostic:
    return Diagnostic(
        "over-budget",
        f"the stack holds {real:.0f} MB of memory when idle, and may hold {most:g} MB",
        Label(span, f"{real - most:.0f} MB too much"),
        notes=(
            "the median of several starts; the summary of `stackc check` tells what models hold",
        ),
        help=f"take a smaller model or quantization, or write `{_above(real)}`",
    )


def start_failed(variables: Sequence[str], lines: Sequence[str], span: Span) -> Diagnostic:
    """`variables` are those that the stack needs; `lines` is what it said last."""
    needs = (f"it needs {listed(variables)} in the environment",) if variables else ()
    return Diagnostic(
        "start-failed",
        "the stack does not start, so that it cannot be measured",
        Label(span),
        notes=(*needs, *lines),
        help="see that `stackc run` starts it",
    )


def _above(real: float) -> int:
    """The next whole number."""
    return int(real) + 1

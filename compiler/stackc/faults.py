"""What goes wrong outside the distribution, as diagnostics that point at the line that asked for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stackc.diagnostics import build_errors, model_errors
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.models import errors as models
from stackc.source import Span


@contextmanager
def model_faults(distribution: Path, place: Span) -> Iterator[None]:
    """Turns what the model compiler raises into a CompileError at `place`."""
    try:
        yield
    except models.ModelError as error:
        raise CompileError([_diagnostic(error, distribution, place)]) from error
    except OSError as error:
        raise CompileError([_write_failed(error, place)]) from error


def _diagnostic(error: models.ModelError, distribution: Path, place: Span) -> Diagnostic:
    match error:
        case models.ChecksumMismatchError():
            where = str(distribution)
            return build_errors.checksum_mismatch(error.path, error.want, error.got, place, where)
        case models.UnsupportedArchitectureError():
            return model_errors.unsupported_architecture(str(error), place)
        case models.FetchError():
            return build_errors.fetch_failed(str(error), place)
        case models.WriteError():
            return build_errors.write_failed(error.path, error.detail, place)
    return model_errors.bad_model(str(error), place)


@contextmanager
def write_faults(place: Span) -> Iterator[None]:
    """Turns a full disk, a missing right and the like into a CompileError at `place`."""
    try:
        yield
    except OSError as error:
        raise CompileError([_write_failed(error, place)]) from error


def _write_failed(error: OSError, place: Span) -> Diagnostic:
    reason = (error.strerror or str(error)).lower()
    return build_errors.write_failed(str(error.filename or "a file"), reason, place)

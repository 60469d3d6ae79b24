"""What is wrong with an image's surroundings, as diagnostics."""

from collections.abc import Iterator
from contextlib import contextmanager

from stackc.diagnostics import build_errors
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.faults import write_faults
from stackc.image.errors import (
    BaseError,
    DeniedError,
    ImageError,
    RegistryError,
    WrongPlatformError,
)
from stackc.source import Span


@contextmanager
def image_faults(place: Span) -> Iterator[None]:
    """Turns what making an image raises into a CompileError at `place`."""
    with write_faults(place):
        try:
            yield
        except ImageError as error:
            raise CompileError([_diagnostic(error, place)]) from error


def _diagnostic(error: ImageError, place: Span) -> Diagnostic:
    match error:
        case WrongPlatformError():
            return build_errors.base_for_other_platform(
                error.base, error.wanted, error.found, place
            )
        case BaseError():
            return build_errors.bad_base(str(error), place)
        case DeniedError():
            return build_errors.registry_denied(str(error), error.host, place)
        case RegistryError():
            return build_errors.registry_failed(str(error), place)
    return build_errors.output_is_no_image(str(error), place)

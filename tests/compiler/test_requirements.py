"""Requirements: uv's format read and written, and chosen for the platform of the image."""

import pytest
from stackc.lock import Package
from stackc.requirements import parse, text
from stackc.wheels import for_platform

PACKAGES = (
    Package("anyio==4.16.0", ("sha256:aa", "sha256:bb")),
    Package("numpy==2.4.6 ; python_full_version < '3.12'", ("sha256:cc",)),
    Package("numpy==2.5.5 ; python_full_version >= '3.12'", ("sha256:dd",)),
    Package("uvloop==0.23.0 ; sys_platform != 'win32'", ("sha256:ee",)),
    Package("pywin32==1 ; sys_platform == 'win32'", ("sha256:ff",)),
)


def test_round_trip() -> None:
    assert parse(text(PACKAGES)) == PACKAGES


def test_text_is_what_pip_reads() -> None:
    assert text(PACKAGES[:1]) == (
        "anyio==4.16.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    )


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_for_the_image(machine: str) -> None:
    chosen = [package.requirement for package in for_platform(PACKAGES, machine)]
    assert chosen == ["anyio==4.16.0", "numpy==2.4.6", "uvloop==0.23.0"]

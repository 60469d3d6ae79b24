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


ANNOTATED = """\
anyio==4.16.0 \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via starlette
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:cc
    # via
    #   -r requirements.in
    #   onnxruntime[cuda]
    #   a.b-c_d
uvloop==0.23.0 ; sys_platform != 'win32' \\
    --hash=sha256:dd
    # via -r requirements.in
    # from https://index.example/simple
"""


@pytest.mark.parametrize("after_hashes", [" \\\n", "\n"])
def test_who_asks_for_a_package(after_hashes: str) -> None:
    """uv ends the last hash with a backslash or not; what is no package is no reason."""
    text_ = ANNOTATED.replace("\n    # via", f"{after_hashes}    # via")
    found = {package.requirement: (package.hashes, package.via) for package in parse(text_)}
    assert found == {
        "anyio==4.16.0": (("sha256:aa", "sha256:bb"), ("starlette",)),
        "numpy==2.4.6 ; python_full_version < '3.12'": (
            ("sha256:cc",),
            ("a.b-c_d", "onnxruntime"),
        ),
        "uvloop==0.23.0 ; sys_platform != 'win32'": (("sha256:dd",), ()),
    }


def test_a_comment_before_all_and_one_in_the_line() -> None:
    assert parse("# a comment\n\nanyio==4.16.0 --hash=sha256:aa  # via starlette\n") == (
        Package("anyio==4.16.0", ("sha256:aa",), ("starlette",)),
    )

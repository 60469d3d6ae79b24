"""Licences: what metadata says becomes SPDX, and what an expression permits."""

import json
from pathlib import Path
from typing import Any

import pytest
from stackc.lock import Package
from stackc.models.sources.source import parse_source
from stackc.supply import metadata, model_licences
from stackc.supply.licences import is_known, licence_of, named, permits
from stackc.supply.metadata import TARGETS, MetadataError, licensed


def osi(*names: str) -> list[str]:
    return [f"License :: OSI Approved :: {name}" for name in names]


@pytest.mark.parametrize(
    ("data", "want"),
    [
        ({"license_expression": "apache-2.0 and mit"}, "Apache-2.0 AND MIT"),
        ({"license_expression": "MIT", "license": "BSD"}, "MIT"),
        ({"license": "PSF-2.0", "classifier": osi("Python Software Foundation License")}, "PSF-2.0"),
        ({"license": "Apache 2.0", "classifier": osi("Apache Software License")}, "Apache-2.0"),
        ({"license": "Apache License, Version 2.0"}, "Apache-2.0"),
        ({"license": "BSD 3-Clause"}, "BSD-3-Clause"),
        ({"license": "MIT License", "classifier": osi("MIT License", "Apache Software License")},
         "Apache-2.0 AND MIT"),
        ({"license": "The MIT License (MIT)\nCopyright ..." + "x" * 99, "classifier": []}, None),
        ({"classifier": osi("BSD License")}, "LicenseRef-BSD-License"),
        ({"classifier": ["License :: Other/Proprietary License"]},
         "LicenseRef-Other-Proprietary-License"),
        ({"classifier": ["License :: OSI Approved"]}, None),
        ({"license": "NVIDIA Proprietary Software"}, "LicenseRef-NVIDIA-Proprietary-Software"),
        ({"license": "UNKNOWN"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_metadata(data: dict[str, Any], want: str | None) -> None:
    assert licence_of(data) == want


def test_names_of_hubs() -> None:
    assert named("apache-2.0") == "Apache-2.0"
    assert named("llama3.2") == "LicenseRef-llama3.2"
    assert not is_known("MIT OR LicenseRef-llama3.2")


@pytest.mark.parametrize(
    ("licence", "denied", "want"),
    [
        ("MIT", {"MIT"}, False),
        ("MIT", {"Apache-2.0"}, True),
        ("MIT OR GPL-3.0-only", {"GPL-3.0-only"}, True),
        ("MIT AND GPL-3.0-only", {"GPL-3.0-only"}, False),
        ("MIT OR GPL-3.0-only", {"GPL-3.0-only", "MIT"}, False),
        ("MIT AND (BSD-3-Clause OR GPL-3.0-only)", {"GPL-3.0-only"}, True),
        ("MIT AND (BSD-3-Clause OR GPL-3.0-only)", {"BSD-3-Clause", "GPL-3.0-only"}, False),
        ("Zlib OR MIT AND GPL-3.0-only", {"GPL-3.0-only"}, True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", {"GPL-2.0-only"}, False),
        ("GPL-2.0-only WITH Classpath-exception-2.0 AND MIT", {"Zlib"}, True),
    ],
)
def test_permits(licence: str, denied: set[str], want: bool) -> None:
    assert permits(licence, denied) is want


PIN = Package("yarl==1.0", ("sha256:aa", "sha256:bb"))


def reported(monkeypatch: pytest.MonkeyPatch, *packages: dict[str, Any]) -> list[list[str]]:
    """Has pip report these packages; returns what it is asked for."""
    asked: list[list[str]] = []

    def report(those: list[Package], _: object) -> dict[str, Any]:
        asked.append([each.requirement for each in those])
        return {"install": packages}

    monkeypatch.setattr(metadata, "_report", report)
    return asked


def seen(name: str, sha256: str, licence: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "license_expression": licence},
        "download_info": {"archive_info": {"hashes": {"sha256": sha256}}},
    }


def test_only_the_metadata_of_a_pinned_file_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    reported(monkeypatch, seen("Yarl", "bb", "MIT"))
    assert licensed([PIN], [])[0].licence == "MIT"
    reported(monkeypatch, seen("yarl", "cc", "MIT"))
    assert licensed([PIN], [])[0].licence is None


def test_what_an_older_lock_tells_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = reported(monkeypatch)
    known = Package(PIN.requirement, PIN.hashes, (), "Zlib")
    assert licensed([PIN], [known])[0].licence == "Zlib"
    assert asked == []


def test_packages_of_other_machines_are_asked_for_as_those(monkeypatch: pytest.MonkeyPatch) -> None:
    later = Package("yarl==2.0 ; python_full_version >= '3.12'", ())
    windows = Package("wincolor==1.0 ; sys_platform == 'win32'", ())
    asked = reported(monkeypatch)
    licensed([PIN, later, windows], [])
    assert asked == [["yarl==1.0"], [later.requirement], [windows.requirement]]


def test_a_package_of_the_image_must_have_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MetadataError(["no such package"])

    monkeypatch.setattr(metadata, "_report", fails)
    with pytest.raises(MetadataError):
        licensed([PIN], [])
    foreign = Package("wincolor==1.0 ; sys_platform == 'win32'", ())
    assert licensed([foreign], [])[0].licence is None
    assert metadata.licence_of_release("nothing", "1") is None


def test_the_first_target_is_the_image() -> None:
    assert TARGETS[0].environment["python_version"] == "3.11"
    assert TARGETS[0].environment["sys_platform"] == "linux"


def test_a_model_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({}))
    files = {"config.json": path}
    assert model_licences.licence_of_model(parse_source("file:x"), files) == (None, None)
    monkeypatch.setattr(model_licences, "licence_of_release", lambda *_: "MIT")
    source = parse_source("pypi:x==1#y")
    assert model_licences.licence_of_model(source, files) == ("MIT", "package")

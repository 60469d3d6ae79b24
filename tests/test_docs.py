"""The documentation that the compiler writes is current, whole, and says what is not there yet."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from stackc import resources
from stackc.catalog import Catalog
from stackc.cli import main, parser
from stackc.commands.arguments import FINE, INPUT_AT_FAULT
from stackc.documentation.pages import pages

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = pages(Catalog(), parser())


def test_the_drawing_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    drawing = tmp_path / "starter.svg"
    assert main(["graph", "distributions/starter.yaml", "--output", str(drawing)]) == FINE
    assert drawing.read_text() == (DOCS / "starter.svg").read_text()


PLANNED_API = """
api: telepathy
summary: Thoughts.
status: planned
providers: true
routes:
  - method: POST
    path: /v1/thoughts
    summary: Think | wonder.
"""

PLANNED_TYPE = """
type: remote::oracle
api: telepathy
summary: An oracle.
status: planned
requires: [inference]
capabilities: {senses: [sixth], distance: far}
packages: ["oracle>=1"]
config:
  type: object
  additionalProperties: false
  required: [place]
  properties:
    place: {type: string, x-sample: delphi, description: Where it is.}
    price:
      type: object
      additionalProperties: false
      properties:
        drachmas: {type: integer, minimum: 1, default: 3, description: What it takes.}
"""


def text(path: str, made: dict[str, bytes] = PAGES) -> str:
    return made[path].decode()


def test_what_is_committed_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", str(DOCS), "--check"]) == FINE, capsys.readouterr().err


def test_check_tells_each_page_that_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "docs"
    assert main(["docs", str(folder)]) == FINE
    (folder / "cli.md").write_text("old")
    (folder / "apis.md").unlink()
    (folder / "providers" / "gone.md").write_text("")
    (folder / "by-hand.md").write_text("")
    capsys.readouterr()
    assert main(["docs", str(folder), "--check"]) == INPUT_AT_FAULT
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines() == [
        f"differs: {folder / 'cli.md'}",
        f"missing: {folder / 'apis.md'}",
        f"stray: {folder / 'providers' / 'gone.md'}",
    ]
    assert not (folder / "apis.md").exists()
    assert main(["docs", str(folder)]) == FINE
    assert main(["docs", str(folder), "--check"]) == FINE
    assert (folder / "by-hand.md").exists()


def test_every_link_leads_to_a_page() -> None:
    for name, data in PAGES.items():
        for link in re.findall(r"\]\(([^)#]+)", data.decode()):
            target = ((DOCS / name).parent / link).resolve()
            assert target.relative_to(DOCS).as_posix() in PAGES or target.is_file(), (name, link)


def test_every_command_and_code_is_told() -> None:
    for command in re.findall(r"(?m)^    (\S+) ", parser().format_help()):
        assert f"## stackc {command}" in text("cli.md")
    for page in resources.folder("errors").glob("*.md"):
        assert f"[{page.stem}](errors/{page.stem}.md)" in text("errors.md")


def test_every_table_is_one() -> None:
    for name in (name for name in PAGES if name.endswith(".md")):
        for table in re.findall(r"(?:^\|.*\n)+", text(name), re.MULTILINE):
            widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(widths) == 1, (name, table)
        assert "\n\n\n" not in text(name)
        assert text(name).endswith("\n")


@pytest.fixture
def planned(tmp_path: Path) -> dict[str, bytes]:
    """The pages of a catalog that has something of each kind that is not there yet."""
    root = tmp_path / "schemas"
    shutil.copytree(resources.folder("schemas"), root)
    (root / "apis" / "telepathy.yaml").write_text(PLANNED_API)
    (root / "providers" / "telepathy").mkdir()
    (root / "providers" / "telepathy" / "remote__oracle.yaml").write_text(PLANNED_TYPE)
    schema = json.loads((root / "distribution.schema.json").read_text())
    schema["properties"]["moons"] = {
        "type": "integer",
        "x-planned": True,
        "description": "How many.",
    }
    (root / "distribution.schema.json").write_text(json.dumps(schema))
    return pages(Catalog(root), parser())


def test_what_is_planned_is_told_as_such(planned: dict[str, bytes]) -> None:
    page = text("providers/telepathy.md", planned)
    assert "| `remote::oracle` | planned | An oracle. |" in page
    assert "- Requires providers of: `inference`" in page
    assert "- Senses: `sixth`" in page
    assert "- Packages: `oracle>=1`" in page
    assert "| `place` | string | required | Where it is. Such as `delphi`. |" in page
    assert "| `price.drachmas` | integer, at least 1 | `3` | What it takes. |" in page
    assert "| [telepathy](telepathy.md) | 0 | 1 | Thoughts. |" in text(
        "providers/README.md", planned
    )
    assert "| `/v1/thoughts` | planned | Think \\| wonder. |" in text("apis.md", planned)
    missing = text("not-yet-supported.md", planned)
    assert "- `telepathy`: Thoughts." in missing
    assert "- `remote::oracle`: An oracle." in missing
    assert "- `moons` of the distribution: How many.\n" in missing


def test_the_same_under_any_hash_seed_and_on_any_terminal(tmp_path: Path) -> None:
    for seed, columns in (("1", "40"), ("2", "200")):
        folder = tmp_path / seed
        command = ["env", f"PYTHONHASHSEED={seed}", f"COLUMNS={columns}", sys.executable]
        subprocess.run([*command, "-m", "stackc.cli", "docs", str(folder)], check=True, cwd=ROOT)
        made = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert made == PAGES

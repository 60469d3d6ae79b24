"""Fixes: each makes its diagnostic go away, and changes nothing else, in whatever way it is written."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stackc import fixes
from stackc.catalog import Catalog
from stackc.cli import main
from stackc.diagnostics.edits import part_replaced, replaced, respelt
from stackc.diagnostics.report import CompileError, Diagnostic, Edit, Label
from stackc.fixes import applied, mend
from stackc.load import read
from stackc.pipeline import planned_document
from stackc.source import Source, Span
from stackc.tree import Mapping, plain
from stackc.tree import Sequence as List

CASES = Path(__file__).parent.parent / "cases"
CATALOG = Catalog()
FAULTY = """\
version: 2
image_name: example
providers:
  inference:
  - provider_id: one
    provider_type: remote::opanai
"""


def diagnose(text: str) -> Sequence[Diagnostic]:
    try:
        return planned_document(read(Path("distribution.yaml"), text), CATALOG).warnings
    except CompileError as error:
        return error.diagnostics


def texts() -> list[tuple[str, str]]:
    """The name and text of each case that the catalog as it is can judge."""
    paths = (path for path in sorted(CASES.glob("*/distribution.yaml")))
    judged = (path for path in paths if not (path.parent / "schemas").is_dir())
    return [(path.parent.name, path.read_bytes().decode("utf-8-sig", "replace")) for path in judged]


def single_fixes() -> list[tuple[str, str, Diagnostic]]:
    return [(n, text, each) for n, text in texts() for each in diagnose(text) if each.fix]


def told(found: Sequence[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter((each.code, each.message) for each in found)


SINGLE = single_fixes()


def test_the_cases_have_a_fix_for_every_code_that_may_have_one() -> None:
    fixed = {each.code for _, text in texts() for each in mend(text, diagnose)[1]}
    assert fixed == {
        "empty-default",
        "invalid-value",
        "malformed-environment-expression",
        "unknown-api",
        "unknown-backend",
        "unknown-key",
        "unknown-model",
        "unknown-model-provider",
        "unknown-provider",
        "wrong-type",
    }


@pytest.mark.parametrize(
    ("name", "text", "fault"), SINGLE, ids=[f"{n}-{f.code}" for n, _, f in SINGLE]
)
def test_a_fix_makes_its_diagnostic_go_away(name: str, text: str, fault: Diagnostic) -> None:
    before, after = told(diagnose(text)), told(diagnose(applied(text, fault.fix)))
    key = fault.code, fault.message
    assert after[key] < before[key]
    if after & before:  # the same stage speaks: the next one is only heard where all is mended
        assert not after - before


@pytest.mark.parametrize(("name", "text"), texts(), ids=[name for name, _ in texts()])
def test_mending_again_changes_nothing(name: str, text: str) -> None:
    mended, fixed = mend(text, diagnose)
    assert bool(fixed) == (mended != text)
    assert mend(mended, diagnose) == (mended, ())
    assert not [each for each in diagnose(mended) if each.fix]


@pytest.mark.parametrize(
    ("name", "text", "fault"), SINGLE, ids=[f"{n}-{f.code}" for n, _, f in SINGLE]
)
def test_a_fix_does_what_help_says(name: str, text: str, fault: Diagnostic) -> None:
    (edit,) = fault.fix
    if fault.help and not fault.secret:
        assert edit.text.strip("\"'").lower() in fault.help.lower()


def in_context(text: str, written: str) -> tuple[Span, Source]:
    source = Source(Path("distribution.yaml"), text)
    return Span.at(source, text.index(written), len(written)), source


CONTEXTS = (
    "a: @\nb: c\n",
    "a: {x: [@ , y],b: c}\n",
    "@: d\nb: c\n",
    "- @ # old\n- c\n",
    '{"z":@}\n',
)
STYLES = ("old", "'old'", '"old"', '"\\x6fld"')
NAMES = st.text(min_size=1).filter(
    lambda text: "$" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
)


@given(NAMES | st.sampled_from(["true", "1e3", "a: b", "a #b", "x:", "- a", "~", "''", '"', "<<"]))
@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("style", STYLES)
def test_any_text_can_stand_where_another_stood(context: str, style: str, new: str) -> None:
    assume(new != "b")  # which is a key of these texts
    text = context.replace("@", style)
    span, source = in_context(text, style)
    (edit,) = respelt(span, "old", new)
    before, after = (_loaded(each) for each in (text, applied(text, [edit])))
    assert _with(before, "old", new) == after
    assert edit.span.source is source


def _loaded(text: str) -> object:
    """The plain value of a text, which stands under a key so that it may be anything."""
    indented = "".join(f"  {line}\n" for line in text.split("\n"))
    root = read(Path("x.yaml"), f"root:\n{indented}").root
    assert isinstance(root, Mapping | List)
    return plain(root)


def _with(value: object, old: str, new: str) -> object:
    if isinstance(value, dict):
        return {_with(key, old, new): _with(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_with(each, old, new) for each in value]
    return new if value == old else value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a: &x old\nb: *x\n", "old"),
        ("a: !!str old\n", "!!str old"),
        ("a: |\n  old\n", "old"),
        ("a: 'o\n  ld'\n", "'o\n  ld'"),
        ("a: older\n", "old"),
        ("a: new\n", "new"),
        ("# old\na: new\n", "old"),
    ],
)
def test_where_it_is_not_sure_there_is_no_edit(text: str, written: str) -> None:
    span, _ = in_context(text, written)
    assert respelt(span, "old", "new") == ()
    assert replaced(span, "old", "1") == ()


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a: $X\n", "a: ${env.X}\n"),
        ("a: b $X c\n", "a: b ${env.X} c\n"),
        ("a: '$X'\n", "a: '${env.X}'\n"),
        ("a: |\n  b\n  $X\n", "a: |\n  b\n  ${env.X}\n"),
        ("a: {b: $X}\n", 'a: {b: "${env.X}"}\n'),
        ("a: {b: '$X '}\n", "a: {b: '${env.X} '}\n"),
        ("a: {b: c $X}\n", None),
        ("a: &b $X\nc: *b\n", None),
        ("a: b # $X\n", None),
    ],
)
def test_a_part_of_a_scalar(text: str, mended: str | None) -> None:
    span, _ = in_context(text, "$X")
    edits = part_replaced(span, "$X", "${env.X}")
    assert (applied(text, edits) if edits else None) == mended


SOURCE = Source(Path("x.yaml"), "abcdef\r\nghi\rjkl\n日本")


def edit(line: int, column: int, end_column: int, text: str) -> Edit:
    return Edit(Span(SOURCE, line, column, line, end_column), text)


def fault(*edits: Edit, code: str = "unknown-key") -> Diagnostic:
    return Diagnostic(code, "message", Label(Span.start_of(SOURCE)), fix=edits)


def test_edits_by_line_and_column_whatever_ends_a_line() -> None:
    edits = [edit(1, 1, 2, "A"), edit(2, 3, 4, ""), edit(3, 4, 4, "!"), edit(4, 1, 3, "x")]
    assert applied(SOURCE.text, edits) == "Abcdef\r\ngh\rjkl!\nx"
    assert SOURCE.text == applied(SOURCE.text, [])


def test_what_overlaps_is_left_for_the_next_round() -> None:
    first, second, third = edit(1, 1, 3, "1"), edit(1, 2, 4, "2"), edit(1, 4, 5, "3")
    rounds = [[fault(first), fault(second), fault(third), fault(first)], []]
    mended, fixed = mend(SOURCE.text, lambda _: rounds.pop(0))
    assert mended == "1c3ef" + SOURCE.text[6:]
    assert fixed == (fault(first), fault(third))


def test_fixes_without_an_end_are_none() -> None:
    def flipped(text: str) -> list[Diagnostic]:
        source = Source(Path("x.yaml"), text)
        other = Edit(Span(source, 1, 1, 1, 2), "b" if text == "a" else "a")
        return [Diagnostic("unknown-key", "message", Label(other.span), fix=(other,))]

    assert mend("a", flipped) == ("a", ())


def test_a_fix_that_breaks_the_file_is_none() -> None:
    rounds = [[fault(edit(1, 1, 2, "{"))], [fault(code="bad-yaml")]]
    assert mend(SOURCE.text, lambda _: rounds.pop(0)) == (SOURCE.text, ())


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "distribution.yaml").write_text(FAULTY)
    return Path("distribution.yaml")


def check(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    code = main(["check", "--fix", "--format", "concise", "distribution.yaml", *more])
    return code, capsys.readouterr().err


def test_the_mode_of_the_file_stays(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.chmod(0o640)
    _, err = check(capsys)
    assert err.startswith("distribution.yaml:6:20: fixed[unknown-provider]: unknown provider type")
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text() == FAULTY.replace("opanai", "openai")
    assert [each.name for each in Path().iterdir()] == ["distribution.yaml"]


def test_with_nothing_to_fix_the_file_is_not_touched(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(capsys)
    before = path.stat()
    _, err = check(capsys)
    assert "fixed" not in err
    assert path.stat() == before


def test_without_the_option_the_file_is_not_touched(path: Path) -> None:
    main(["check", str(path)])
    assert path.read_text() == FAULTY


def test_a_link_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.rename("real.yaml")
    path.symlink_to("real.yaml")
    code, err = check(capsys)
    assert code == 1
    assert err == (
        "distribution.yaml:1:1: error[write-failed]: `distribution.yaml` cannot be written: "
        "it is a link or a device, not a file\n"
    )
    assert path.is_symlink()
    assert path.read_text() == FAULTY


def test_a_full_disk_leaves_the_file_as_it_was(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    code, err = check(capsys)
    assert (code, err.count("error[write-failed]")) == (1, 1)
    assert "no space left on device" in err
    assert path.read_text() == FAULTY
    assert [each.name for each in Path().iterdir()] == ["distribution.yaml"]


def test_a_file_that_changed_meanwhile_is_left_alone(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def saved(text: str, diagnose: object) -> tuple[str, tuple[Diagnostic, ...]]:
        path.write_text("someone else's")
        return "mine", ()

    monkeypatch.setattr(fixes, "mend", saved)
    _, err = check(capsys)
    assert "it was changed meanwhile" in err
    assert path.read_text() == "someone else's"


@pytest.mark.parametrize("data", [b"\xff", b"a: [", b""])
def test_what_cannot_be_read_is_left_to_the_check(
    path: Path, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(data)
    code, err = check(capsys)
    assert (code, err.count("error[bad-yaml]")) == (1, 1)
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("written", "mended"),
    [
        ("$PORT_OF_IT", "${env.PORT_OF_IT}"),
        ("${Env.x:=5}", "${env.X:=5}"),
        ("${X:-5}", "${env.X:=5}"),
        ("${X+5}", "${env.X:+5}"),
        ("$ENVIRONMENT", "${env.ENVIRONMENT}"),
        ("${env.X:?how long}", None),
        ("${evn.THREADS:=5}", None),
        ("${of-it}", None),
        ("${env.X:=${env.Y}}", None),
        ("${env.X", "${env.X}"),
        ("${env.X and more", None),
        ("${}", None),
        ("${env.X|upper}", None),
    ],
)
def test_expressions_that_lose_nothing(written: str, mended: str | None) -> None:
    text = f"version: 2\nimage_name: example\nserver:\n  host: {written}\n"
    fixes = [each.fix for each in diagnose(text) if each.fix]
    assert [edit.text for edits in fixes for edit in edits] == ([mended] if mended else [])

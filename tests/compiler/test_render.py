"""Rendering: the forms of a diagnostic, where its marks stand, and what it never shows."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.catalog import Catalog
from stackc.diagnostics.render import render
from stackc.diagnostics.report import CompileError, Diagnostic, Label
from stackc.diagnostics.secrets import hidden, masked, names_secret
from stackc.source import Source, Span

TEXT = """\
version: 2
image_name: example
server:
\thost: localhost
api_key: sk-secret
providers: {日本: [], e\u0301: [], x: []}
"""
SOURCE = Source(Path("distribution.yaml"), TEXT)


def span(line: int, column: int, end_column: int, end_line: int | None = None) -> Span:
    return Span(SOURCE, line, column, end_line or line, end_column)


FULL = Diagnostic(
    "duplicate-key",
    "the key `server` stands here twice",
    Label(span(3, 1, 7), "again"),
    (Label(span(1, 1, 8), "first"),),
    ("a note", "another note"),
    "remove one of the two",
)


def human(diagnostic: Diagnostic) -> list[str]:
    return render([diagnostic], "human").splitlines()


def marks(where: Span) -> list[str]:
    """The line of source and the line of marks under it, without the margin."""
    lines = human(Diagnostic("bad-yaml", "message", Label(where)))
    return [line[4:] for line in lines[3:5]]


def test_a_line_without_end_is_not_shown() -> None:
    source = Source(Path("one-line.yaml"), f"{{a: {'x' * 5_000}}}\n")
    told = render([Diagnostic("bad-yaml", "message", Label(Span(source, 1, 2, 1, 3)))], "human")
    assert told == "error[bad-yaml]: message\n --> one-line.yaml:1:2\n\n1 error\n"


def test_human() -> None:
    assert render([FULL], "human") == (
        "error[duplicate-key]: the key `server` stands here twice\n"
        " --> distribution.yaml:3:1\n"
        "  |\n"
        "1 | version: 2\n"
        "  | ------- first\n"
        "...\n"
        "3 | server:\n"
        "  | ^^^^^^ again\n"
        "  |\n"
        "  = note: a note\n"
        "  = note: another note\n"
        "  = help: remove one of the two\n"
        "\n"
        "1 error\n"
    )


def test_human_without_a_source() -> None:
    nothing = Span.start_of(Source(Path("gone.yaml"), ""))
    diagnostic = Diagnostic("unreadable-file", "cannot be read", Label(nothing))
    assert human(diagnostic) == [
        "error[unreadable-file]: cannot be read",
        " --> gone.yaml:1:1",
        "",
        "1 error",
    ]


def test_concise() -> None:
    assert render([FULL, FULL], "concise") == 2 * (
        "distribution.yaml:3:1: error[duplicate-key]: the key `server` stands here twice\n"
    )


def test_json() -> None:
    assert json.loads(render([FULL], "json")) == {
        "diagnostics": [
            {
                "code": "duplicate-key",
                "severity": "error",
                "message": "the key `server` stands here twice",
                "file": "distribution.yaml",
                "line": 3,
                "column": 1,
                "end_line": 3,
                "end_column": 7,
                "label": "again",
                "related": [
                    {
                        "file": "distribution.yaml",
                        "line": 1,
                        "column": 1,
                        "end_line": 1,
                        "end_column": 8,
                        "label": "first",
                    }
                ],
                "notes": ["a note", "another note"],
                "help": "remove one of the two",
            }
        ]
    }


def test_json_without_diagnostics() -> None:
    assert json.loads(render([], "json")) == {"diagnostics": []}


def test_github() -> None:
    assert render([FULL], "github") == (
        "::error file=distribution.yaml,line=3,endLine=3,col=1,endColumn=7,title=duplicate-key::"
        "the key `server` stands here twice%0Aagain%0Anote: a note%0Anote: another note"
        "%0Ahelp: remove one of the two\n"
    )
    assert render([], "github") == ""


def test_github_escapes_what_ends_a_message_or_a_property() -> None:
    place = Span.start_of(Source(Path("a,b:c%d\r.yaml"), "x"))
    note = Diagnostic("bad-yaml", "100% a\n::b, c", Label(place), severity="note")
    assert render([note], "github") == (
        "::notice file=a%2Cb%3Ac%25d%0D.yaml,line=1,endLine=1,col=1,endColumn=2,title=bad-yaml::"
        "100%25 a·::b, c\n"
    )


def test_github_has_no_columns_where_there_are_several_lines() -> None:
    several = Diagnostic("bad-yaml", "message", Label(span(2, 13, 3, 4)), severity="warning")
    assert render([several], "github") == (
        "::warning file=distribution.yaml,line=2,endLine=4,title=bad-yaml::message\n"
    )


def test_severities() -> None:
    told = [
        Diagnostic("bad-yaml", "message", Label(span(1, 1, 2)), severity=severity)
        for severity in ("warning", "note", "error", "warning")
    ]
    shown = render(told, "human")
    assert re.findall(r"(?m)^(\w+)\[bad-yaml\]", shown) == ["warning", "note", "error", "warning"]
    assert shown.endswith("\n1 error, 2 warnings, 1 note\n")


SHOWN = (
    "from pathlib import Path\n"
    "from stackc.commands.output import show\n"
    "from stackc.diagnostics.report import Diagnostic, Label\n"
    "from stackc.source import Source, Span\n"
    "source = Source(Path('a folder/distribution.yaml'), 'version: 2')\n"
    "place = Label(Span(source, 1, 1, 1, 8), 'here')\n"
    "show([Diagnostic('bad-yaml', 'message', place, severity=severity)\n"
    "      for severity in ('error', 'warning', 'note')], 'human')\n"
)
ESCAPES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


def shown(tmp_path: Path, *, terminal: bool, **environment: str) -> str:
    """What a program that shows three diagnostics writes to its error output."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    ours, theirs = pty.openpty() if terminal else os.pipe()
    subprocess.run(
        [sys.executable, "-c", SHOWN],
        check=True,
        cwd=tmp_path,
        env={"TERM": "xterm-256color", **kept, **environment},
        stderr=theirs,
    )
    data = os.read(ours, 65536)
    os.close(ours)
    os.close(theirs)
    return data.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_links(tmp_path: Path) -> None:
    plain = shown(tmp_path, terminal=False)
    coloured = shown(tmp_path, terminal=True)
    assert "\x1b" not in plain
    assert ESCAPES.sub("", coloured) == plain
    for style, severity in (("1;31", "error"), ("1;33", "warning"), ("1;36", "note")):
        assert f"\x1b[{style}m{severity}[bad-yaml]\x1b[0m" in coloured
    link = re.search(r"\x1b\]8;id=\d+;([^\x1b]+)\x1b\\([^\x1b]+)\x1b\]8;;\x1b\\", coloured)
    assert link is not None
    assert link[1] == (tmp_path / "a folder" / "distribution.yaml").as_uri()
    assert link[2] == "a folder/distribution.yaml:1:1"


def test_colour_can_be_forbidden_and_forced(tmp_path: Path) -> None:
    plain = shown(tmp_path, terminal=False)
    assert shown(tmp_path, terminal=True, NO_COLOR="1") == plain
    assert shown(tmp_path, terminal=False, NO_COLOR="1", FORCE_COLOR="1") == plain
    assert "\x1b[1;31merror" in shown(tmp_path, terminal=False, FORCE_COLOR="1")
    assert shown(tmp_path, terminal=True, TERM="dumb") == plain


@pytest.mark.parametrize(
    ("where", "line", "marked"),
    [
        (span(1, 1, 8), "version: 2", "^^^^^^^"),
        (span(1, 10, 10), "version: 2", "         ^"),
        (span(4, 1, 2), " host: localhost", "^"),
        (span(4, 2, 6), " host: localhost", " ^^^^"),
        (span(2, 13, 3, end_line=4), "image_name: example", " " * 12 + "^" * 7),
        (span(6, 13, 15), "providers: {日本: [], e\u0301: [], x: []}", " " * 12 + "^^^^"),
        (span(6, 21, 23), "providers: {日本: [], e\u0301: [], x: []}", " " * 22 + "^"),
        (span(6, 29, 30), "providers: {日本: [], e\u0301: [], x: []}", " " * 29 + "^"),
        (span(7, 1, 2), "", "^"),
    ],
)
def test_marks_stand_under_what_they_mark(where: Span, line: str, marked: str) -> None:
    assert marks(where) == [line, marked]


def test_two_marks_of_one_line() -> None:
    one = Diagnostic("bad-yaml", "message", Label(span(1, 10, 11)), (Label(span(1, 1, 8), "a"),))
    assert human(one)[3:6] == ["1 | version: 2", "  | ------- a", "  |          ^"]


def test_a_message_stays_on_its_line() -> None:
    control = Diagnostic("bad-yaml", "a\nb\x1b[31m", Label(span(1, 1, 2)), help="c\td")
    assert human(control)[0] == "error[bad-yaml]: a·b·[31m"
    assert render([control], "concise").count("\n") == 1


def test_a_secret_is_masked_by_its_place_or_its_key() -> None:
    place = span(2, 13, 20)
    by_place = Diagnostic("wrong-type", "message", Label(place), secret=place)
    assert human(by_place)[3] == "2 | image_name: *******"
    beside = Diagnostic("unknown-key", "message", Label(span(2, 1, 11)), secret=span(2, 13, 3, 4))
    assert human(beside)[3] == "2 | image_name: *******"
    by_key = Diagnostic("unknown-key", "message", Label(span(5, 1, 8)))
    assert human(by_key)[3] == "5 | api_key: *********"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("api_key: sk-1, 2", "api_key: *******"),
        ('api_key: "sk\\"1" # x', 'api_key: "*****" # x'),
        ("'password': 'it''s'", "'password': '*****'"),
        ("{api_key: sk-1, port: 5}", "{api_key: ****, port: 5}"),
        ('{api_key: "a,b", password: c}', '{api_key: "***", password: *}'),
        ("  - token: ${env.TOKEN:=abc}", "  - token: ${env.TOKEN:=***}"),
        ("secret: a${env.X}b", "secret: *${env.X}*"),
        ("api_key: $OPENAI_API_KEY", "api_key: $OPENAI_API_KEY"),
        ("api_key:", "api_key:"),
        ("max_tokens: 512", "max_tokens: 512"),
        ("provider_id: ${env.API_KEY:+openai}", "provider_id: ${env.API_KEY:+openai}"),
        ("url: http://api_key:80", "url: http://api_key:80"),
    ],
)
def test_lines_without_their_secrets(line: str, shown: str) -> None:
    assert masked(line) == shown


@given(st.text())
def test_masking_keeps_the_length(line: str) -> None:
    assert len(masked(line)) == len(line)
    assert len(hidden(line)) == len(line)


def test_every_secret_of_the_catalog_has_the_name_of_one() -> None:
    catalog = Catalog()
    schemas = [
        provider.config
        for api in catalog.api_names
        for type_ in catalog.provider_types(api)
        if (provider := catalog.provider(api, type_))
    ]
    schemas += catalog.distribution_schema["$defs"].values()
    secrets = {
        name
        for schema in schemas
        for name, field in schema.get("properties", {}).items()
        if field.get("format") == "password"
    }
    assert secrets
    assert all(map(names_secret, secrets))


def test_diagnostics_are_told_once_in_the_order_of_the_file() -> None:
    early = Diagnostic("bad-yaml", "early", Label(span(1, 1, 2)))
    late = Diagnostic("bad-yaml", "late", Label(span(2, 1, 2)))
    error = CompileError([late, early, late])
    assert error.diagnostics == (early, late)
    assert str(error) == "early; late"

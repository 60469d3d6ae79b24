"""Diagnostics as SARIF 2.1.0, which code scanning and editors read.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; what is cited below is of it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stackc.diagnostics import pages
from stackc.diagnostics.report import Diagnostic, Edit, Label
from stackc.diagnostics.text import relative, told
from stackc.source import Span
from stackc.version import VERSION

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

Object = dict[str, Any]


def as_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """One run with a result for each diagnostic, and a rule for each code among them."""
    codes = sorted({each.code for each in diagnostics})
    run = {
        "tool": {"driver": {"name": "stackc", "version": VERSION, "rules": [*map(_rule, codes)]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in diagnostics],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(code: str) -> Object:
    page = pages.page(code)
    return {
        "id": code,
        "shortDescription": _message(pages.summary(code)),
        "help": {"text": page, "markdown": page},
    }


def _result(diagnostic: Diagnostic, rule: int) -> Object:
    related = [_related(id_, label) for id_, label in enumerate(diagnostic.secondary, 1)]
    fixes = [] if diagnostic.secret or not diagnostic.fix else [_fix(diagnostic)]
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": _message(told(diagnostic)),
        "locations": [_location(diagnostic.primary.span)],
        **({"relatedLocations": related} if related else {}),
        **({"fixes": fixes} if fixes else {}),
    }


def _message(text: str) -> Object:
    """A text as it is: to double its braces (3.11.5) would show `${{env.X}}` in most readers."""
    return {"text": text}


def _related(id_: int, label: Label) -> Object:
    told = {"message": _message(label.text)} if label.text else {}
    return {"id": id_, **_location(label.span), **told}


def _location(span: Span) -> Object:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(span.source.path),
            "region": _region(span),
        }
    }


def _artifact(path: Path) -> Object:
    near = relative(path)
    return {"uri": near.as_uri() if near.is_absolute() else quote(near.as_posix())}


def _region(span: Span) -> Object:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _fix(diagnostic: Diagnostic) -> Object:
    """The fix, a change for each file that it edits (3.55)."""
    paths = dict.fromkeys(edit.span.source.path for edit in diagnostic.fix)
    changes = [_change(path, diagnostic.fix) for path in paths]
    told = {"description": _message(diagnostic.help)} if diagnostic.help else {}
    return {**told, "artifactChanges": changes}


def _change(path: Path, edits: Sequence[Edit]) -> Object:
    here = (edit for edit in edits if edit.span.source.path == path)
    return {"artifactLocation": _artifact(path), "replacements": [*map(_replacement, here)]}


def _replacement(edit: Edit) -> Object:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}

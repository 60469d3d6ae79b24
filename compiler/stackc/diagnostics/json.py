"""Diagnostics as JSON, for editors and programs."""

import json
from collections.abc import Sequence
from typing import Any

from stackc.diagnostics.report import Diagnostic, Label


def as_json(diagnostics: Sequence[Diagnostic]) -> str:
    """All diagnostics as one object; lines and columns count from 1, the end column is exclusive."""
    data = {"diagnostics": [_diagnostic(each) for each in diagnostics]}
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        **_label(diagnostic.primary),
        "related": [_label(label) for label in diagnostic.secondary],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
    }


def _label(label: Label) -> dict[str, Any]:
    span = label.span
    return {
        "file": str(span.source.path),
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "label": label.text,
    }

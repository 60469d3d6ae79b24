"""Opens ONNX files: the one place that knows onnxruntime's session options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime  # type: ignore[import-untyped]  # the package ships no types

_ERRORS_ONLY = 3


def open_session(path: Path, *, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` on CPU that uses `threads` threads for one run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    # Threads that spin while they wait take the cores from the event loop and the other models:
    # a third faster on an idle machine, several times slower on a busy one.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

"""Opens ONNX files: the one place that knows onnxruntime's session options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime

_ERRORS_ONLY = 3


def open_session(path: Path, *, threads: int) -> Any:
    """An `onnxruntime.InferenceSession` on CPU that uses `threads` threads for one run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    # A thread that waits for the next operator spins this long before it sleeps. The default of a
    # millisecond is no faster, and leaves half the speed when something else wants the cores.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "10")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

"""Opens ONNX files: the one place that knows onnxruntime's session options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import onnxruntime

from stackrt.lifecycle import StartError

Device = Literal["cpu", "cuda"]

_ERRORS_ONLY = 3
_PROVIDERS: dict[Device, str] = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class DeviceError(StartError):
    """The device that the stack was compiled for cannot be used."""


def open_session(path: Path, *, threads: int, device: Device = "cpu") -> Any:
    """An `onnxruntime.InferenceSession` that uses `threads` threads for what runs on the CPU.

    Raises DeviceError where `device` is missing: onnxruntime itself would go on with the CPU,
    some fifty times slower than what was asked for. Raises StartError for a file that is no graph.
    """
    if device == "cuda":
        # Finds the CUDA libraries of the packages that the stack installs.
        onnxruntime.preload_dlls()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _ERRORS_ONLY
    # A thread that waits for the next operator spins this long before it sleeps. The default of a
    # millisecond is no faster, and leaves half the speed when something else wants the cores.
    options.add_session_config_entry("session.intra_op.spin_duration_us", "10")
    wanted = _PROVIDERS[device]
    if wanted not in onnxruntime.get_available_providers():
        raise DeviceError(f"this onnxruntime has no {wanted}: install onnxruntime-gpu instead")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[wanted])
    except Exception as error:  # what is wrong with a file comes as any of onnxruntime's classes
        raise StartError(f"{path} cannot be loaded: {error}") from error
    if wanted not in session.get_providers():
        raise DeviceError(f"no {device} device can be used: its driver or a library is missing")
    return session

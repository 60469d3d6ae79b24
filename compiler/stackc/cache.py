"""Where fetched model files and compiled models are kept between runs."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """`$STACKC_CACHE`, else `$XDG_CACHE_HOME/stackc`, else `~/.cache/stackc`; may not exist yet."""
    chosen = os.environ.get("STACKC_CACHE")
    if chosen:
        return Path(chosen).absolute()
    shared = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore relative paths.
    root = Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache"
    return root / "stackc"

"""Serves the stack `starter-gpu`: `python -m starter_gpu [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from starter_gpu.app import build
from starter_gpu.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "0.0.0.0", port=lambda _: 8321)

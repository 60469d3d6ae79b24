"""Serves the stack `starter`: `python -m starter [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from starter.app import build
from starter.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "0.0.0.0", port=lambda _: 8321)

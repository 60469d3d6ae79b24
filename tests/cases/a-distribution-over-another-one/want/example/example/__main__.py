"""Serves the stack `example`: `python -m example [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from example.app import build
from example.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "0.0.0.0", port=lambda _: 8321)

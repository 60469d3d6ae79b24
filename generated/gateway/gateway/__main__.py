"""Serves the stack `gateway`: `python -m gateway [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from gateway.app import build
from gateway.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "0.0.0.0", port=lambda _: 8321)

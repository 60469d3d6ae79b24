"""Serves the stack `starlette`: `python -m starlette_stack [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from starlette_stack.app import build
from starlette_stack.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "0.0.0.0", port=lambda _: 8321)

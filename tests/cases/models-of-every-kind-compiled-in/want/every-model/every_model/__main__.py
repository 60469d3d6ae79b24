"""Serves the stack `every-model`: `python -m every_model [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from every_model.app import build
from every_model.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "0.0.0.0", port=lambda _: 8321)

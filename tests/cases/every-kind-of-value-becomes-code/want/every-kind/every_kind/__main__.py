"""Serves the stack `every-kind`: `python -m every_kind [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from every_kind.app import build
from every_kind.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda settings: settings.listen_on, port=lambda settings: settings.listen_port)

"""Serves the stack `on_the-edge`: `python -m on_the_edge [--host HOST] [--port PORT]`."""

from stackrt.serve import main

from on_the_edge.app import build
from on_the_edge.settings import Settings

if __name__ == "__main__":
    main(build, Settings, host=lambda settings: settings.listen_host, port=lambda settings: settings.listen_port)

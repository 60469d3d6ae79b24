"""The health check of the container: `python -m on_the_edge.health` exits with 0 where all is well."""

import os

from stackrt.health import check
from stackrt.settings import read

from on_the_edge.settings import Settings

if __name__ == "__main__":
    settings = read(Settings, os.environ)
    check(host=settings.listen_host, port=settings.listen_port)

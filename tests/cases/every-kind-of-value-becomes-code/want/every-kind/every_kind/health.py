"""The health check of the container: `python -m every_kind.health` exits with 0 where all is well."""

import os

from stackrt.health import check
from stackrt.settings import read

from every_kind.settings import Settings

if __name__ == "__main__":
    settings = read(Settings, os.environ)
    check(host=settings.listen_on, port=settings.listen_port)

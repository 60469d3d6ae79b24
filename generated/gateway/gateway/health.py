"""The health check of the container: `python -m gateway.health` exits with 0 where all is well."""

from stackrt.health import check

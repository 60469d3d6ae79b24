"""The health check of the container: `python -m example.health` exits with 0 where all is well."""

from stackrt.health import check

if __name__ == "__main__":
    check(host="0.0.0.0", port=8321)

"""The logins that `docker login` and `podman login` have left."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Login = tuple[str, str]


def login_for(host: str) -> Login | None:
    """The user and the password for a registry, if there are any."""
    name = "https://index.docker.io/v1/" if host == "registry-1.docker.io" else host
    for path in _files():
        if path.is_file() and (login := _login(path, name)):
            return login
    return None


def _files() -> Iterator[Path]:
    docker = os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker"
    yield Path(docker) / "config.json"
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime) / "containers" / "auth.json"


def _login(path: Path, name: str) -> Login | None:
    try:
        settings: Any = json.loads(path.read_bytes())
        entry = settings.get("auths", {}).get(name, {})
        if entry.get("auth"):
            user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            return user, password
        helper = settings.get("credHelpers", {}).get(name) or settings.get("credsStore")
        return _helped(helper, name) if helper else None
    except (OSError, ValueError, AttributeError):
        return None


def _helped(helper: str, name: str) -> Login | None:
    """Asks Docker's program for a store of passwords."""
    command = [f"docker-credential-{helper}", "get"]
    result = subprocess.run(command, input=name, capture_output=True, text=True)
    if result.returncode:
        return None
    told: Any = json.loads(result.stdout)
    return told["Username"], told["Secret"]

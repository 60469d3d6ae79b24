"""What a container runs and how: the facts that the Dockerfile and `stackc image` both tell."""

from dataclasses import dataclass

FOLDER = "/stack"
PACKAGES = "/opt/stack"


@dataclass(frozen=True)
class Health:
    """How a container is asked whether it is well; times in seconds."""

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 5
    start_period: int = 15
    retries: int = 3


@dataclass(frozen=True)
class Container:
    """Folders, environment, user, port, commands and labels of a stack's container.

    The packages stand on PYTHONPATH, not in a virtual environment: nothing in the image then says
    where the interpreter of its base is.
    """

    site_packages: str
    environment: tuple[tuple[str, str], ...]
    port: int
    command: tuple[str, ...]
    health: Health
    labels: tuple[tuple[str, str], ...]
    folder: str = FOLDER
    user: str = "10001:10001"


def container_of(name: str, package: str, port: int, python: str) -> Container:
    """The container of a stack; `python` is the version of its interpreter, such as 3.11."""
    site_packages = f"{PACKAGES}/lib/python{python}/site-packages"
    return Container(
        site_packages=site_packages,
        environment=(
            ("PYTHONPATH", f"{FOLDER}:{FOLDER}/runtime:{site_packages}"),
            ("PYTHONUNBUFFERED", "1"),
        ),
        port=port,
        command=("python", "-m", package),
        health=Health(("python", "-m", f"{package}.health")),
        labels=(
            ("org.opencontainers.image.description", "A server of the Llama Stack API."),
            ("org.opencontainers.image.title", name),
        ),
    )

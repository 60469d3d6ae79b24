"""The settings of the stack `every-kind`: each is the environment variable of its name in capitals."""

from dataclasses import dataclass, field

from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides when the stack starts."""

    connect_timeout: float = 2.5
    inference_model: str = "llama3.2"
    listen_on: str = "127.0.0.1"
    listen_port: int = 9000
    mixed_key: SecretStr
    needed_with_the_switch: SecretStr | None = field(default=None, metadata={"needed_with": ["SWITCH"]})
    ollama_url: str | None = None
    region: str = "eu"
    stage: str | None = None
    switch: str | None = None

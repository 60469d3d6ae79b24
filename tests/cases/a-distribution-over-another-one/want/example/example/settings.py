"""The settings of the stack `example`: each is the environment variable of its name in capitals."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides when the stack starts."""

    ollama_url: str | None = None
    openai_api_key: SecretStr

"""The settings of the stack `starter-gpu`: each is the environment variable of its name in capitals."""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides when the stack starts."""

    ollama_url: str | None = None
    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    stack_threads: int = 0
    vllm_api_token: SecretStr | None = None
    vllm_max_tokens: int | None = None
    vllm_tls_verify: bool = True
    vllm_url: str | None = None

"""The settings of the stack `on_the-edge`: each is the environment variable of its name in capitals."""

from dataclasses import dataclass, field

from pydantic import SecretStr


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides when the stack starts."""

    dollars: str = "$x $y$ #no % `comment`"
    lines: str = "http://one.example.com\n  two: \ttabs"
    listen_host: str = "127.0.0.1"
    listen_port: int = 443
    model_id: str = "yes"
    needed_key: SecretStr
    needed_url: str
    quotes: str = "https://vllm.example.com:8443/v1?a='b'&c=\"d\"\\e"
    read_timeout: float = 1000000000.0
    region: str = "eu"
    switched_url: str | None = None
    template: str = "{{ .Values.env | quote "
    tls_verify: bool = True
    vllm_token: SecretStr = field(default=SecretStr("a-default-that-is-shown-nowhere"))

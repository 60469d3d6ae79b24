"""Settings read from an environment, and everything that is wrong with one said at once."""

from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from stackrt.settings import SettingsError, read


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field of each kind."""

    api_key: SecretStr
    url: str
    port: int = 8321
    rate: float = 0.5
    verify: bool = True
    proxy: str | None = None
    proxy_key: SecretStr | None = field(default=None, metadata={"needed_with": ["PROXY"]})


def test_values_are_typed_and_empty_ones_are_unset() -> None:
    environ = {"API_KEY": "k", "URL": "u", "PORT": "1", "RATE": "2", "VERIFY": "false", "PROXY": ""}
    assert read(Settings, environ) == Settings(
        api_key=SecretStr("k"), url="u", port=1, rate=2.0, verify=False
    )


def test_all_problems_are_said_at_once_and_no_value_is() -> None:
    environ = {"PORT": "hunter2", "URL": "", "VERIFY": "hunter3", "PROXY": "http://hunter4"}
    with pytest.raises(SettingsError) as caught:
        read(Settings, environ)
    problems = caught.value.problems
    assert [problem.split()[0] for problem in problems] == [
        "API_KEY",
        "URL",
        "PORT",
        "VERIFY",
        "PROXY_KEY",
    ]
    assert problems[0] == "API_KEY is not set"
    assert problems[4] == "PROXY_KEY is not set, and PROXY is, which needs it"
    assert "hunter" not in str(caught.value)


def test_what_another_variable_needs() -> None:
    environ = {"API_KEY": "k", "URL": "u", "PROXY": "p"}
    with pytest.raises(SettingsError, match="PROXY_KEY"):
        read(Settings, environ)
    key = read(Settings, {**environ, "PROXY_KEY": "secret"}).proxy_key
    assert key
    assert key.get_secret_value() == "secret"

"""Warnings: each where it is true, and none where it could be wrong."""

from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.diagnostics.report import CompileError
from stackc.pipeline import front

CATALOG = Catalog()


def warned(text: str, tmp_path: Path) -> list[str]:
    """The codes of all warnings of a distribution, in its order."""
    path = tmp_path / "distribution.yaml"
    path.write_text(f"version: 2\nimage_name: one\n{text}")
    try:
        found = front(path, CATALOG).warnings
    except CompileError as error:
        found = error.diagnostics
    return [each.code for each in found if each.severity == "warning"]


def openai(config: str, id_: str = "openai") -> str:
    provider = f"{{provider_id: '{id_}', provider_type: remote::openai, config: {{{config}}}}}"
    return f"providers: {{inference: [{provider}]}}\n"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8000/v1", True),
        ("http://LocalHost/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://[::1]:80/v1", True),
        ("http://me@localhost/v1", True),
        ("http://localhost:${env.PORT}/v1", True),
        ("http://localhost:${env.PORT:=80}/v1", True),
        ("${env.URL:=http://localhost/v1}", True),
        ("${env.SCHEME:=http}://${env.HOST:=localhost}/v1", True),
        ("http://localhost.example.com/v1", False),
        ("http://my-localhost/v1", False),
        ("http://example.com/localhost", False),
        ("http://${env.HOST}/v1", False),
        ("http://${env.HOST:=localhost}.example.com/v1", False),
        ("http://host.docker.internal/v1", False),
        ("${env.URL:=http://127.0.0.12/v1}", False),
        ("${env.URL:=}", False),
        ("${env.URL:+http://localhost/v1}", False),
    ],
)
def test_an_address_is_local_where_no_variable_says_otherwise(
    url: str, local: bool, tmp_path: Path
) -> None:
    found = warned(openai(f"base_url: '{url}'"), tmp_path)
    assert found == ["localhost-in-container"] * local


@pytest.mark.parametrize(
    ("config", "local"),
    [
        ("url: '${env.OLLAMA_URL:=http://localhost:11434}'", False),
        ("url: '${env.OLLAMA_URL:=}'", False),
        ("url: 'http://localhost:${env.OLLAMA_URL:=1}'", True),
        ("url: '${env.OTHER:=http://localhost:11434}', read_timeout: '${env.OLLAMA_URL:=1}'", True),
        ("url: '${env.OTHER:=}', read_timeout: '${env.OLLAMA_URL:=1}'", True),
    ],
)
def test_a_default_that_never_counts_is_no_address(
    config: str, local: bool, tmp_path: Path
) -> None:
    provider = (
        "{provider_id: '${env.OLLAMA_URL:+ollama}', provider_type: remote::ollama, "
        f"config: {{{config}}}}}"
    )
    found = warned(f"providers: {{inference: [{provider}]}}", tmp_path)
    assert found == ["localhost-in-container"] * local


def test_hosts_that_nothing_is_asked_of_are_no_addresses(tmp_path: Path) -> None:
    proxy = "network: {proxy: {url: 'http://proxy:80', no_proxy: [localhost]}}"
    assert warned(openai(proxy), tmp_path) == []
    proxy = "network: {proxy: {url: 'http://localhost:80'}}"
    assert warned(openai(proxy), tmp_path) == ["localhost-in-container"]


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("sk-proj-0123456789", True),
        ("${env.KEY:=sk-proj-0123456789}", True),
        ("llamastack", True),
        ("tokens-are-secret", True),
        ("${env.KEY}", False),
        ("${env.KEY:=}", False),
        ("${env.KEY:=fake}", False),
        ("Bearer ${env.KEY}", False),
        ("", False),
        ("NONE", False),
        ("not-needed", False),
        ("no_key_required", False),
        ("your-api-key", False),
        ("<your key>", False),
        ("changeme", False),
        ("sk-xxxxxxxx", False),
        ("********", False),
        ("...", False),
    ],
)
def test_a_secret_is_neither_a_variable_nor_a_placeholder(
    key: str, secret: bool, tmp_path: Path
) -> None:
    assert warned(openai(f"api_key: '{key}'"), tmp_path) == ["secret-in-file"] * secret


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://me:geheim@db/db", True),
        ("${env.URL:=postgresql://me:geheim@db/db}", True),
        ("postgresql://me:${env.PASSWORD:=geheim}@db/db", True),
        ("postgresql://me:geheim@${env.HOST:=db}/db", True),
        ("postgresql://me:${env.PASSWORD}@db/db", False),
        ("postgresql://me:${env.PASSWORD:=}@${env.HOST:=db}/db", False),
        ("postgresql://me@db:5432/db", False),
        ("${env.URL:=postgresql://db/db}", False),
    ],
)
def test_a_url_is_a_secret_by_the_password_in_it(url: str, secret: bool, tmp_path: Path) -> None:
    backend = f"{{type: kv_postgres, connection_string: '{url}'}}"
    storage = f"storage: {{backends: {{b: {backend}}}, stores: {{metadata: {{backend: b}}}}}}"
    assert warned(openai("") + storage, tmp_path) == ["secret-in-file"] * secret


def test_every_secret_of_a_list_is_one(tmp_path: Path) -> None:
    keys = "api_keys: [geheim, '${env.KEY}', '${env.OTHER:=geheim}']"
    auth = f"server: {{auth: {{provider_config: {{type: local_api_key, {keys}}}}}}}"
    assert warned(openai("") + auth, tmp_path) == ["secret-in-file"] * 2


@pytest.mark.parametrize(
    ("variable", "config", "unread"),
    [
        ("OPENAI_API_KEY", "api_key: '${env.OPENAI_API_KEY:=}'", False),
        ("OPENAI_API_KEY", "api_key: '${env.OTHER:=}'", True),
        ("OPENAI_API_KEY", "", True),
        ("HOST", "base_url: 'http://${env.HOST}/v1'", False),
        ("ENABLE_OPENAI", "", False),
        ("OPENAI_ENABLED", "", False),
        ("USE_OPENAI", "", False),
        ("WITH_OPENAI", "", False),
        ("HOUSE_OPENAI", "", True),
    ],
)
def test_a_switch_is_read_or_called_one(
    variable: str, config: str, unread: bool, tmp_path: Path
) -> None:
    text = openai(config, f"${{env.{variable}:+openai}}")
    assert warned(text, tmp_path) == ["unread-switch"] * unread


@pytest.mark.parametrize(
    ("model", "unread"),
    [
        ("{model_id: m, provider_id: openai, provider_model_id: '${env.MODEL}'}", False),
        ("{model_id: m, provider_id: '${env.MODEL:+openai}'}", True),
        ("{model_id: m, provider_id: openai}", True),
    ],
)
def test_a_switch_that_a_model_of_the_provider_reads_is_read(
    model: str, unread: bool, tmp_path: Path
) -> None:
    text = openai("", "${env.MODEL:+openai}") + f"registered_resources: {{models: [{model}]}}"
    assert warned(text, tmp_path) == ["unread-switch"] * unread


def test_a_switch_that_a_shield_of_the_provider_reads_is_read(tmp_path: Path) -> None:
    text = openai("") + (
        "registered_resources: {shields: [{shield_id: s, "
        "provider_id: '${env.SAFETY_MODEL:+guard}', provider_shield_id: '${env.SAFETY_MODEL:=}'}]}"
    )
    guard = (
        "safety: [{provider_id: '${env.SAFETY_MODEL:+guard}', provider_type: inline::llama-guard}]"
    )
    assert warned(text.replace("providers: {", f"providers: {{{guard}, "), tmp_path) == []


def test_a_provider_with_nothing_to_configure_cannot_read_its_switch(tmp_path: Path) -> None:
    search = "tool_runtime: [{provider_id: '${env.MCP:+mcp}', provider_type: %s}]"
    text = openai("").replace("providers: {", f"providers: {{{search}, ")
    assert warned(text % "remote::model-context-protocol", tmp_path) == []


def test_what_a_switch_gives_inside_its_provider_is_constant(tmp_path: Path) -> None:
    for variable in ("TIMEOUT", "ENABLE_OPENAI"):
        text = openai(f"read_timeout: '${{env.{variable}:+5}}'", f"${{env.{variable}:+openai}}")
        assert warned(text, tmp_path) == ["unused-variable"]
    text = openai("read_timeout: '${env.OTHER:+5}', api_key: '${env.KEY}'", "${env.KEY:+openai}")
    assert warned(text, tmp_path) == []


@pytest.mark.parametrize(
    ("stores", "unused"),
    [
        ("{metadata: {backend: one}}", 1),
        ("{metadata: {backend: one}, conversations: {backend: two}}", 0),
        ("{metadata: {backend: misspelt}}", 0),
        ("{}", 2),
    ],
)
def test_a_backend_is_unused_where_every_store_has_another(
    stores: str, unused: int, tmp_path: Path
) -> None:
    backends = "{one: {type: kv_sqlite, db_path: a}, two: {type: sql_sqlite, db_path: b}}"
    storage = f"storage: {{backends: {backends}, stores: {stores}}}"
    assert warned(openai("") + storage, tmp_path) == ["unused-backend"] * unused


def test_a_provider_of_no_known_type_may_use_a_backend(tmp_path: Path) -> None:
    text = "providers: {files: [{provider_id: f, provider_type: inline::localsf}]}\n"
    storage = "storage: {backends: {one: {type: kv_sqlite, db_path: a}}}"
    assert warned(text + storage, tmp_path) == []

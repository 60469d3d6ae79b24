"""Migrating: today's spelling, with comments, order and line ends kept."""

from pathlib import Path

import pytest
from stackc.catalog import Catalog
from stackc.diagnostics.report import CompileError
from stackc.load import load
from stackc.migrate import migrated
from stackc.spellings.modern import modern

CATALOG = Catalog()

OLD = """\
# A stack of the year before.
version: '2'   # quoted
image_name: old
metadata_store:   # where everything is registered
  type: sqlite
  db_path: ${env.SQLITE_STORE_DIR:~/.llama}/registry.db
inference_store: {type: sqlite, db_path: /data/inference.db}
providers:
  # The only provider.
  inference:
  - provider_id: ${env.ENABLE_OPENAI:=__disabled__}
    provider_type: remote::openai   # a comment behind
    config:
      api_key: ${env.OPENAI_API_KEY:=}
  vector_io:
  - provider_id: faiss
    provider_type: inline::faiss
    config:
      persistence:
        type: sqlite
        namespace: null
        db_path: ${env.SQLITE_STORE_DIR:~/.llama}/registry.db
  telemetry:
  - provider_id: meta-reference
    provider_type: inline::meta-reference
# Resources.
models:
- model_id: gpt-4o   # the best
  provider_id: openai
vector_dbs:
- vector_db_id: docs
  embedding_model: e
  embedding_dimension: 3
"""

NEW = """\
# A stack of the year before.
version: 2     # quoted
image_name: old
providers:
  # The only provider.
  inference:
  - provider_id: ${env.ENABLE_OPENAI:+openai}
    provider_type: remote::openai   # a comment behind
    config:
      api_key: ${env.OPENAI_API_KEY:=}
  vector_io:
  - provider_id: faiss
    provider_type: inline::faiss
    config:
      persistence:
        backend: kv_default
        namespace: vector_io_faiss
# Resources.
registered_resources:
  models:
  - model_id: gpt-4o # the best
    provider_id: openai
  vector_stores:
  - vector_store_id: docs
    embedding_model: e
    embedding_dimension: 3
telemetry:
  enabled: true
storage:
  backends:
    kv_default:
      type: kv_sqlite
      db_path: ${env.SQLITE_STORE_DIR:=~/.llama}/registry.db
    sql_default:
      type: sql_sqlite
      db_path: /data/inference.db
  stores:
    metadata:
      backend: kv_default
      namespace: registry
    inference:
      backend: sql_default
      table_name: inference_store
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "distribution.yaml"
    path.write_bytes(text.encode())
    return path


def test_an_old_file(tmp_path: Path) -> None:
    assert migrated(write(tmp_path, OLD), CATALOG) == NEW


def test_what_is_migrated_is_modern(tmp_path: Path) -> None:
    path = write(tmp_path, NEW)
    assert migrated(path, CATALOG) == NEW
    assert modern(load(path), CATALOG).changes == ()


def test_line_ends_stay(tmp_path: Path) -> None:
    path = write(tmp_path, OLD.replace("\n", "\r\n"))
    assert migrated(path, CATALOG) == NEW.replace("\n", "\r\n")


def test_a_modern_file_stays_byte_for_byte(tmp_path: Path) -> None:
    text = "version: 2\nimage_name:   odd   # spacing\nproviders: {  }\n\n\n"
    assert migrated(write(tmp_path, text), CATALOG) == text


def test_merge_keys_are_not_torn_apart(tmp_path: Path) -> None:
    text = """\
version: 2
image_name: x
base: &base {base_url: x}
providers:
  inference:
  - provider_id: a
    provider_type: remote::vllm
    config: {<<: *base}
"""
    with pytest.raises(CompileError) as caught:
        migrated(write(tmp_path, text), CATALOG)
    assert [each.code for each in caught.value.diagnostics] == ["not-migrated"]

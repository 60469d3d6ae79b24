"""Old spellings: what a file of other days means today, and that nothing of it is lost."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from stackc.catalog import Catalog
from stackc.load import read
from stackc.source import Source, Span
from stackc.spellings.changes import Move, Put, Remove, Rename, applied
from stackc.spellings.modern import Modern, modern
from stackc.tree import Mapping, Scalar, plain

CATALOG = Catalog()
PATH = Path("distribution.yaml")
NOWHERE = Span.start_of(Source(PATH, ""))


def today(text: str) -> Modern:
    return modern(read(PATH, text), CATALOG)


def meaning(text: str) -> Any:
    return plain(today(text).document.root)


def same(old: str, new: str) -> bool:
    """Whether an old text means what a new one does, and only the old one is noted."""
    assert today(old).document.warnings
    assert not today(new).changes
    return bool(plain(today(old).document.root) == plain(read(PATH, new).root))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version: "2"', "version: 2"),
        ("distro_name: one", "image_name: one"),
        ("image_name: two\ndistro_name: one", "image_name: one"),
        ("models: [{model_id: m}]", "registered_resources: {models: [{model_id: m}]}"),
        (
            "registered_resources: {models: []}\nshields: []",
            "registered_resources: {models: [], shields: []}",
        ),
        (
            "vector_dbs: [{vector_db_id: a, provider_vector_db_id: b, vector_db_name: c}]",
            "registered_resources: {vector_stores: [{vector_store_id: a, "
            "provider_vector_store_id: b, vector_store_name: c}]}",
        ),
        (
            "registered_resources: {vector_dbs: []}",
            "registered_resources: {vector_stores: []}",
        ),
        (
            "providers: {telemetry: [{provider_id: t}]}\napis: [a, telemetry, telemetry, b]",
            "providers: {}\napis: [a, b]\ntelemetry: {enabled: true}",
        ),
        (
            "providers: {telemetry: [{provider_id: t}]}\ntelemetry: {enabled: false}",
            "providers: {}\ntelemetry: {enabled: false}",
        ),
        (
            "providers: {safety: [{provider_id: '${env.X:=__disabled__}', provider_type: a::b}]}",
            "providers: {safety: [{provider_id: '${env.X:+b}', provider_type: a::b}]}",
        ),
        (
            "providers: {safety: [{provider_id: one}, {provider_id: }, {provider_id: two}, "
            "{provider_id: __disabled__}, {provider_id: '${env.X:+}'}, "
            "{provider_id: '${env.X:+__disabled__}'}]}",
            "providers: {safety: [{provider_id: one}, {provider_id: two}]}",
        ),
        (
            "providers: {safety: [{provider_id: '${env.X:=__disabled__}', provider_type: a::b}]}\n"
            "shields: [{shield_id: s, provider_id: '${env.X:=__disabled__}'}, "
            "{shield_id: t, provider_id: '${env.X:+}'}]",
            "providers: {safety: [{provider_id: '${env.X:+b}', provider_type: a::b}]}\n"
            "registered_resources: {shields: [{shield_id: s, provider_id: '${env.X:+b}'}]}",
        ),
        (
            "providers: {vector_io: [{provider_id: v, provider_type: inline::sqlite_vec}]}",
            "providers: {vector_io: [{provider_id: v, provider_type: inline::sqlite-vec}]}",
        ),
        (
            "providers: {inference: [{provider_type: remote::vllm, config: {base_url: u}}]}",
            "providers: {inference: [{provider_type: remote::vllm, config: {url: u}}]}",
        ),
    ],
)
def test_an_old_spelling_means_the_new_one(old: str, new: str) -> None:
    assert same(old, new)


@pytest.mark.parametrize(
    "text",
    [
        "registered_resources: {models: [{model_id: a}]}\nmodels: [{model_id: b}]",
        "registered_resources: [a]\nmodels: [{model_id: b}]",
        "storage: {stores: {metadata: {backend: b}}}\nmetadata_store: {type: sqlite}",
        "registered_resources: {vector_stores: [], vector_dbs: [{vector_db_id: a}]}",
        "providers: {inference: [{provider_type: remote::vllm, config: {url: a, base_url: b}}]}",
        "providers: {files: [{provider_type: inline::nothing, config: {kvstore: {type: sqlite}}}]}",
        "providers: {inference: [{provider_id: ''}]}",
        "distribution_spec: 5",
    ],
)
def test_what_stands_in_both_spellings_or_in_none_is_left_as_it_is(text: str) -> None:
    assert meaning(text) == plain(read(PATH, text).root)


def test_equal_databases_become_one_backend_and_others_more() -> None:
    found = meaning(
        "metadata_store: {type: sqlite, db_path: a.db}\n"
        "inference_store: {type: sqlite, db_path: a.db, table_name: rows}\n"
        "conversations_store: {type: sql_sqlite, db_path: b.db}\n"
        "providers: {vector_io: [{provider_id: f, provider_type: inline::faiss, "
        "config: {kvstore: {type: sqlite, db_path: a.db, namespace: mine}}}]}\n"
    )
    assert found["storage"] == {
        "backends": {
            "kv_default": {"type": "kv_sqlite", "db_path": "a.db"},
            "sql_default": {"type": "sql_sqlite", "db_path": "a.db"},
            "sql_b": {"type": "sql_sqlite", "db_path": "b.db"},
        },
        "stores": {
            "metadata": {"backend": "kv_default", "namespace": "registry"},
            "inference": {"backend": "sql_default", "table_name": "rows"},
            "conversations": {"backend": "sql_b", "table_name": "openai_conversations"},
        },
    }
    (faiss,) = found["providers"]["vector_io"]
    assert faiss["config"] == {"persistence": {"backend": "kv_default", "namespace": "mine"}}


def test_a_backend_of_a_table_keeps_its_name() -> None:
    text = "metadata_store: {type: postgres, host: db, table_name: mine, namespace: all}"
    found = meaning(text)["storage"]
    assert found["backends"]["kv_default"]["table_name"] == "mine"
    assert found["stores"]["metadata"]["namespace"] == "all"


def test_databases_of_agents_stand_under_persistence() -> None:
    (agents,) = meaning(
        "providers: {agents: [{provider_id: a, provider_type: inline::meta-reference, config: "
        "{persistence_store: {type: sqlite, db_path: a}, "
        "responses_store: {type: sqlite, db_path: b}}}]}"
    )["providers"]["agents"]
    persistence = agents["config"]["persistence"]
    assert persistence["agent_state"]["backend"] == "kv_default"
    assert persistence["responses"]["backend"] == "sql_default"


def test_every_provider_type_of_a_build_file_has_a_config_that_fits() -> None:
    for api in CATALOG.api_names:
        for type_ in CATALOG.provider_types(api):
            if api != "telemetry":
                text = f"distribution_spec: {{providers: {{{api}: [{type_}]}}}}"
                (provider,) = meaning(text)["providers"][api]
                known = CATALOG.provider(api, type_)
                assert known is not None
                needed = known.config.get("required", [])
                assert set(needed) <= set(provider.get("config", {})), (type_, needed)


def test_a_build_file_is_called_as_itself_or_as_its_folder() -> None:
    text = "distribution_spec: {providers: {}}"
    for path, name in (("a/b/build.yaml", "b"), ("a/small.yaml", "small")):
        found = modern(read(Path(path), text), CATALOG).document.root
        assert plain(found)["image_name"] == name


def test_providers_of_one_name_are_told_apart_in_a_build_file() -> None:
    text = (
        "distribution_spec: {providers: {vector_io: [inline::chromadb, remote::chromadb, "
        "{provider_type: remote::mine, module: my_module}]}}"
    )
    found = meaning(text)["providers"]["vector_io"]
    ids = [each["provider_id"] for each in found]
    assert ids == ["inline-chromadb", "remote-chromadb", "mine"]
    assert found[2]["module"] == "my_module"


def mappings(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from(
        [
            *("providers", "registered_resources", "models", "vector_dbs", "storage", "stores"),
            *("metadata_store", "telemetry", "agents", "inference", "config", "provider_id"),
            *(
                "provider_type",
                "persistence_store",
                "distribution_spec",
                "backends",
                "type",
                "apis",
            ),
        ]
    )
    return st.dictionaries(keys, inner, max_size=4)


yaml_values = st.recursive(
    st.sampled_from([None, True, 2, "2", "", "sqlite", "__disabled__", "${env.X:=__disabled__}"]),
    lambda inner: st.lists(inner, max_size=3) | mappings(inner),
    max_leaves=12,
)


@given(mappings(yaml_values))
def test_whatever_stands_where_it_does_not_belong_is_left_to_the_checks(value: Any) -> None:
    assert isinstance(modern(_document(value), CATALOG).document.root, Mapping)


@given(mappings(yaml_values))
def test_what_is_in_todays_spelling_is_not_changed_again(value: Any) -> None:
    once = modern(_document(value), CATALOG).document
    assert plain(modern(once, CATALOG).document.root) == plain(once.root)


def _document(value: Any) -> Any:
    stream = StringIO()
    YAML().dump(value or {"version": 2}, stream)
    return read(PATH, stream.getvalue())


def test_changes_are_made_at_paths() -> None:
    root = read(PATH, "a: {b: [{c: 1}, {d: 2}]}\ne: 3").root
    new = Scalar(9, "9", NOWHERE)
    assert plain(applied(root, Rename(("a", "b", 0, "c"), "f"))) == {
        "a": {"b": [{"f": 1}, {"d": 2}]},
        "e": 3,
    }
    assert plain(applied(root, Remove(("a", "b", 0))))["a"] == {"b": [{"d": 2}]}
    assert plain(applied(root, Put(("a", "b", 1, "g", "h"), new)))["a"]["b"][1] == {
        "d": 2,
        "g": {"h": 9},
    }
    assert plain(applied(root, Put(("x", "y"), new)))["x"] == {"y": 9}
    assert plain(applied(root, Move(("a", "b", 0, "c"), ("e",)))) == {
        "a": {"b": [{}, {"d": 2}]},
        "e": 1,
    }
    assert plain(root) == {"a": {"b": [{"c": 1}, {"d": 2}]}, "e": 3}


def test_a_moved_value_keeps_the_place_of_its_key() -> None:
    root = read(PATH, "a: 1\nb: 2").root
    moved = applied(root, Move(("b",), ("c", "d"))).get("c")
    assert isinstance(moved, Mapping)
    assert [each.key_span.line for each in moved.entries] == [2]

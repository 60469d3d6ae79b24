"""Grammars: what they let through, where they end, and which ones are refused, in bounded time."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stackrt.engine.artifact import read_decoder
from stackrt.engine.grammar import (
    Grammar,
    GrammarCompiler,
    GrammarError,
    Part,
    choice,
    json_schema,
    lark,
    regex,
)
from stackrt.engine.tokenizer import Tokenizer
from stackrt.errors import ApiError
from tokenizers import Tokenizer as LibraryTokenizer
from tokenizers import decoders, models, normalizers

# Seconds that a hostile grammar may take, with what else the machine does.
PATIENCE = 20

# What ends a text: <|endoftext|> and <|im_end|>.
ENDS = {0, 2}


@pytest.fixture(scope="module")
def tokenizer(language_folder: Path) -> Tokenizer:
    return Tokenizer(language_folder / "tokenizer.json")


@pytest.fixture(scope="module")
def compiler(language_folder: Path) -> GrammarCompiler:
    return GrammarCompiler(language_folder, read_decoder(language_folder))


def allowed(grammar: Grammar, tokens: list[int], vocab_size: int) -> set[int]:
    """The tokens that may follow `tokens`."""
    constraint = grammar.constraint()
    for token in tokens:
        constraint.advance(token)
    logits = constraint.restrict(np.zeros(vocab_size, np.float32))
    return set(np.flatnonzero(logits == 0).tolist())


def accepts(grammar: Grammar, tokenizer: Tokenizer, text: str, *, vocab_size: int = 49152) -> bool:
    """Whether `text` may be written and be all of it, token by token under the masks."""
    tokens = tokenizer.encode(text, limit=10_000, special_tokens=False)
    constraint = grammar.constraint()
    logits = np.zeros(vocab_size, np.float32)
    for token in tokens:
        if constraint.restrict(logits)[token] != 0:
            return False
        constraint.advance(token)
    ends = [constraint.restrict(logits)[end] == 0 for end in sorted(ENDS)]
    assert len(set(ends)) == 1
    return ends[0]


PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("part", "texts", "others"),
    [
        (regex("[0-9]{3}-[a-z]+"), ["123-a", "000-xyz"], ["", "12-a", "123-A", "123-"]),
        (regex(r"a/b\n\"?"), ["a/b\n", 'a/b\n"'], ["a/b", "a/bn"]),
        (regex(""), [""], ["a"]),
        (choice(["yes", "no", 'é"\n😀']), ["yes", "no", 'é"\n😀'], ["maybe", "", "yesno"]),
        (lark('start: "a" WORD\nWORD: /[b-z]+/'), ["ab", "abcd"], ["a", "aa"]),
        (lark('root ::= "a" [b-z]+ ("!" | "?")'), ["ab!", "abc?"], ["ab", "a!"]),
        (json_schema({"type": "object"}), ["{}", '{"a": [1, null]}'], ["[]", "1", '{"a"}', ""]),
        (json_schema(True), ["1", "[]", '"a"', "null"], ["", "a"]),
        (
            json_schema(PERSON),
            [
                '{"name":"Ann","age":3}',
                json.dumps({"name": "Ann", "age": 3}),
                json.dumps({"name": "Ann", "age": 3}, indent=4),
                '{"name": "é\\n\\"", "age": -3}',
            ],
            ['{"name": "Ann"}', '{"name": 1, "age": 3}', '{"name": "A", "age": 3, "b": 1}'],
        ),
        # White space without end is JSON, and where small models get lost.
        (json_schema(PERSON), [], ['{\n\n\n"name": "Ann", "age": 3}']),
        (json_schema(PERSON, one_line=True), ['{"name": "A", "age": 3}'], ['{"name":"A","age":3}']),
        (json_schema({"enum": ["a", 1, None]}), ['"a"', "1", "null"], ["2", '"b"']),
    ],
)
def test_what_is_let_through(
    compiler: GrammarCompiler, tokenizer: Tokenizer, part: Part, texts: list[str], others: list[str]
) -> None:
    grammar = compiler.compile(part)
    for text in texts:
        assert accepts(grammar, tokenizer, text), text
    for text in others:
        assert not accepts(grammar, tokenizer, text), text


def test_a_complete_text_has_nothing_but_its_end_before_it(
    compiler: GrammarCompiler, tokenizer: Tokenizer
) -> None:
    tokens = tokenizer.encode("123", limit=9, special_tokens=False)
    grammar = compiler.compile(regex("[0-9]{3}"))
    assert allowed(grammar, tokens, 49152) == ENDS
    assert not allowed(grammar, tokens[:1], 49152) & ENDS


def test_texts_of_one_grammar_are_apart(compiler: GrammarCompiler, tokenizer: Tokenizer) -> None:
    grammar = compiler.compile(regex("ab|cd"))
    first, second = grammar.constraint(), grammar.constraint()
    logits = np.zeros(49152, np.float32)
    first.advance(tokenizer.encode("c", limit=9, special_tokens=False)[0])
    assert set(np.flatnonzero(second.restrict(logits) == 0)) == allowed(grammar, [], 49152)
    assert set(np.flatnonzero(first.restrict(logits) == 0)) == set(
        tokenizer.encode("d", limit=9, special_tokens=False)
    )


def test_logits_stay_as_they_are_where_they_may(compiler: GrammarCompiler) -> None:
    logits = np.random.default_rng(0).normal(size=49152).astype(np.float32)
    before = logits.copy()
    constraint = compiler.compile(regex("[a-z]+")).constraint()
    restricted = constraint.restrict(logits)
    kept = restricted > -np.inf
    assert 100 < kept.sum() < 49152
    assert (restricted[kept] == logits[kept]).all()
    assert (logits == before).all()


def sentencepiece(folder: Path) -> Path:
    """A folder with a tokenizer that spells a space as `▁`, and unknown characters as bytes."""
    words = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words += ["▁", "▁he", "llo", "h", "e", "l", "o", "lo", "1"]
    library = LibraryTokenizer(
        models.BPE(
            vocab={word: id for id, word in enumerate(words)},
            merges=[("l", "o")],
            unk_token="<unk>",
            byte_fallback=True,
        )
    )
    library.add_special_tokens(words[:3])
    library.normalizer = normalizers.Replace(" ", "▁")
    library.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    library.save(str(folder / "tokenizer.json"))
    return folder


def test_sentencepiece_and_a_padded_vocabulary(language_folder: Path, tmp_path: Path) -> None:
    folder = sentencepiece(tmp_path)
    tokenizer = Tokenizer(folder / "tokenizer.json")
    artifact = replace(
        read_decoder(language_folder), vocab_size=320, eos_token_ids=frozenset({2, 0})
    )
    grammar = GrammarCompiler(folder, artifact).compile(regex("h?e?l+o é1|hello"))
    for text, fits in {"hello": True, "lo é1": True, "lo 1": False, "ol": False}.items():
        assert accepts(grammar, tokenizer, text, vocab_size=320) == fits, text
    assert max(allowed(grammar, [], 320)) < 268


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


def chained(levels: int) -> dict[str, Any]:
    """References that lead to each other, as deep as the size of a schema allows."""
    links = {f"{n}": {"allOf": [{"$ref": f"#/$defs/{n + 1}"}]} for n in range(levels)}
    return {"$ref": "#/$defs/0", "$defs": {**links, f"{levels}": {}}}


REFUSED_SCHEMAS: Mapping[str, tuple[Any, str, tuple[str, ...]]] = {
    "a huge enum": ({"enum": [f"value {n}" for n in range(100_000)]}, "characters", ()),
    "too deep": (deep(300), "recursion limit", ()),
    "deeper than Python goes": (deep(100_000), "too deep", ()),
    "an expression that explodes": (
        {"properties": {"a": {"type": "string", "pattern": "^(((a{100}){100}){100}){100}$"}}},
        "",
        (),
    ),
    "a look-ahead": (
        {"properties": {"a": {"type": "string", "pattern": "^(?=a)b$"}}},
        "look-around",
        ("properties", "a"),
    ),
    "a reference to itself": ({"$ref": "#"}, "no text", ()),
    "a circle": (
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        "no text",
        ("$defs", "a"),
    ),
    "values within values without end": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/node"}},
            "$defs": {
                "node": {
                    "type": "object",
                    "properties": {"next": {"$ref": "#/$defs/node"}},
                    "required": ["next"],
                }
            },
            "required": ["a"],
        },
        "no text",
        ("$defs", "node"),
    ),
    "a reference to another document": ({"$ref": "https://example.com/a.json"}, "example.com", ()),
    "a reference to nothing": ({"$ref": "#/$defs/none"}, "/$defs/none", ()),
    "a contradiction": (
        {"type": "object", "properties": {"b": {"allOf": [{"type": "string"}, {"type": "null"}]}}},
        "",
        (),
    ),
    "an empty range": ({"type": "integer", "minimum": 5, "maximum": 3}, "minimum (5)", ()),
    "nothing": (False, "schema is false", ()),
    "an empty enum": ({"enum": []}, "Unsatisfiable", ()),
    "an unknown type": (
        {"properties": {"a": {"items": {"type": "strange"}}}},
        "strange",
        ("properties", "a", "items"),
    ),
    "types of the wrong type": ({"anyOf": [{"type": 5}]}, "type must be", ("anyOf", "0")),
    "properties in a list": ({"type": "object", "properties": [1]}, "properties", ()),
    "no schema": ([], "schema must be", ()),
    "a keyword that is not supported": (
        {"type": "object", "properties": {"a": {"prefixItems": [{"not": {"type": "string"}}]}}},
        "not",
        ("properties", "a", "prefixItems", "0"),
    ),
    "a part by reference": (
        {
            "$defs": {"tags": {"type": "array", "uniqueItems": True}},
            "properties": {"a": {"$ref": "#/$defs/tags"}},
        },
        "uniqueItems",
        ("$defs", "tags"),
    ),
    "the last of many": (
        {"properties": {**{f"p{n}": {} for n in range(500)}, "z": {"format": "nope"}}},
        "nope",
        (),
    ),
    "too many branches": (
        {
            "allOf": [
                {"anyOf": [{"properties": {f"{side}{n}": {"type": "integer"}}} for side in "ab"]}
                for n in range(18)
            ]
        },
        "too large",
        (),
    ),
    "too many optional properties": (
        {"type": "object", "properties": {f"p{n}": {} for n in range(4000)}},
        "Too many items",
        (),
    ),
}


@pytest.mark.parametrize("name", REFUSED_SCHEMAS)
def test_a_schema_that_cannot_be_honoured_is_refused(compiler: GrammarCompiler, name: str) -> None:
    schema, words, path = REFUSED_SCHEMAS[name]
    begun = time.monotonic()
    try:
        grammar = compiler.compile(json_schema(schema))
    except GrammarError as error:
        with pytest.raises(GrammarError) as caught:
            compiler.check_schema(schema)
        assert words in caught.value.message == error.message
        assert "\n" not in error.message
        assert caught.value.path[: len(path)] == path
    else:
        assert (words, path) == ("", ()), "compiles"
        grammar.constraint().restrict(np.zeros(49152, np.float32))
    assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "integer"}, "minItems": 1_000_000_000},
        {"type": "string", "minLength": 1_000_000, "maxLength": 2_000_000},
        {"type": "string", "pattern": "^(a+)+$"},
        {"type": "string", "pattern": "^(a|a)*b{1000}(.*x){50}$"},
        {"type": "array", "minItems": 9999, "items": {"type": "array", "minItems": 9999}},
        {"enum": [f"value {n}" for n in range(5000)]},
        {
            "$defs": {"t": {"properties": {"kids": {"items": {"$ref": "#/$defs/t"}}}}},
            "$ref": "#/$defs/t",
        },
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {
            "$ref": "#/$defs/list~1of%20all",
            "$defs": {
                "list/of all": {
                    "type": "object",
                    "properties": {
                        "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/list~1of%20all"}]},
                        "kids": {"type": "array", "items": {"$ref": "#"}},
                    },
                    "required": ["next", "kids"],
                }
            },
        },
        chained(2000),
        deep(50),
    ],
)
def test_a_large_schema_compiles_and_is_followed_in_bounded_time(
    compiler: GrammarCompiler, schema: Any
) -> None:
    begun = time.monotonic()
    constraint = compiler.compile(json_schema(schema)).constraint()
    logits = np.random.default_rng(1).normal(size=49152).astype(np.float32)
    for _ in range(30):
        token = int(constraint.restrict(logits).argmax())
        if token in ENDS:
            break
        constraint.advance(token)
    assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (lambda: regex("("), "unclosed group"),
        (lambda: regex("(?<=a)b"), "look-around"),
        (lambda: regex("a" * 30_000), "characters"),
        (lambda: regex("(" * 5000 + "a" + ")" * 5000), "invalid regex"),
        (lambda: regex("(a|b*)" * 3000), ""),
        (lambda: lark("start: missing"), "unknown name"),
        (lambda: lark("start: " + "(" * 5000), "nested"),
        (lambda: lark("root ::= " + "(" * 5000), ""),
        (lambda: lark("root ::= missing"), "missing"),
        (lambda: lark("start: x\nx: x"), "no text"),
        (lambda: lark("a" * 30_000), "characters"),
        (lambda: choice([f"{n}" * 10 for n in range(9000)]), "characters"),
        (
            lambda: lark("start: A0\n" + "\n".join(f"A{n}: A{n + 1} A{n + 1}" for n in range(40))),
            "unknown name",
        ),
        (lambda: lark(_nested_repetitions(1200)), ""),
    ],
)
def test_a_grammar_that_cannot_be_honoured_is_refused(
    compiler: GrammarCompiler, part: Any, words: str
) -> None:
    begun = time.monotonic()
    with pytest.raises(GrammarError) as caught:
        compiler.compile(part())
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert time.monotonic() - begun < PATIENCE


def _nested_repetitions(levels: int) -> str:
    rules = "\n".join(f'A{n}: A{n + 1}* "x"' for n in range(levels))
    return f'start: A0\n{rules}\nA{levels}: "y"'


def test_rules_that_lead_to_rules_do_not_end_the_process(
    compiler: GrammarCompiler, tokenizer: Tokenizer
) -> None:
    rules = "\n".join(f"r{n}:r{n + 1}" for n in range(1500))
    grammar = compiler.compile(lark(f'start: r0\n{rules}\nr1500: "y"'))
    assert accepts(grammar, tokenizer, "y")


def test_what_becomes_too_complex_ends_with_a_plain_error(compiler: GrammarCompiler) -> None:
    """An optional property may come after any of those before it: too many ways to go on."""
    branches = [
        {"type": "object", "properties": {"a": {"type": "integer"}, f"b{n}": {"type": "string"}}}
        for n in range(600)
    ]
    constraint = compiler.compile(json_schema({"anyOf": branches})).constraint()
    logits = np.zeros(49152, np.float32)
    with pytest.raises(ApiError) as caught:
        for _ in range(20):
            constraint.advance(int(constraint.restrict(logits).argmax()))
    assert (caught.value.status, caught.value.code) == (400, "grammar_too_complex")
    assert "\n" not in caught.value.message


def test_markers_are_tokens_where_the_model_has_them(
    language_folder: Path, tmp_path: Path, compiler: GrammarCompiler
) -> None:
    assert compiler.marker("<tool_call>") == '"<tool_call>"'
    file = json.loads((language_folder / "tokenizer.json").read_text())
    token = {"id": 49152, "content": "<tool_call>", "special": False, "normalized": False}
    flags = {"single_word": False, "lstrip": False, "rstrip": False}
    file["added_tokens"].append({**token, **flags})
    (tmp_path / "tokenizer.json").write_text(json.dumps(file))
    artifact = replace(read_decoder(language_folder), vocab_size=49153)
    assert GrammarCompiler(tmp_path, artifact).marker("<tool_call>") == "<[49152]>"

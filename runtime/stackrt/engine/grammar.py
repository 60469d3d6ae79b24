"""What a text may be: grammars compiled by llguidance, and masks of the tokens that fit."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.gbnf_to_lark import any_to_lark

from stackrt.engine.artifact import DecoderArtifact
from stackrt.engine.sampling import Constraint, Floats
from stackrt.engine.schema import endless, parts
from stackrt.errors import bad_request

# Part of a grammar, in llguidance's form: `{"json_schema": …}` or `{"lark_grammar": …}`.
Part = Mapping[str, object]

# Characters of one part, of a whole grammar, and of what is written as a grammar or an expression:
# nested repetitions take quadratic time. Some two seconds of compiling at the worst.
MAX_PART = 100_000
MAX_GRAMMAR = 500_000
MAX_EXPRESSION = 20_000

# White space in JSON as `json.dumps` writes it, with or without indentation. JSON allows any
# amount, in which small models lose themselves.
_JSON_LAYOUT = {"whitespace_pattern": r"[ ]|\n[ ]{0,32}"}
_JSON_LINE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}

# Bounds of one step at about a tenth of a second, and of the memory of one text at some 30 MB.
_LIMITS = LLParserLimits(
    max_lexer_states=20_000,
    step_lexer_fuel=50_000,
    step_max_items=20_000,
    initial_lexer_fuel=500_000,
    max_grammar_size=100_000,
    verbose_errors=False,
)

# Bytes of address space for the stack of a compilation. llguidance follows references by recursion
# and would end the process at the bottom of an ordinary stack: a chain as long as MAX_PART allows
# needs a fifth of this.
_STACK = 256 * 2**20

# Characters of schemas that are compiled again in search of the part that is at fault, and how
# deep it may be for its place to tell more than the message.
_SEARCH = 300_000
_MAX_PATH = 20

_NO_TEXT = "there is no text that it allows"

_SILENT = 0

# The size of the stack of new threads is one setting for the process.
_stack_size = threading.Lock()

T = TypeVar("T")


class GrammarError(Exception):
    """A grammar that cannot be honoured; `path` leads to the part of the schema at fault."""

    def __init__(self, message: str, path: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)


def json_schema(schema: object, *, one_line: bool = False) -> Part:
    """JSON that is valid under `schema`: as one might write it, or all of it on one line."""
    if isinstance(schema, Mapping):
        return {"json_schema": {**schema, "x-guidance": _JSON_LINE if one_line else _JSON_LAYOUT}}
    if schema is True:
        return json_schema({}, one_line=one_line)
    return {"json_schema": schema}


def regex(pattern: str) -> Part:
    """Text that `pattern`, in the syntax of Rust's regex crate, matches from start to end.

    Raises GrammarError for one that is too long.
    """
    if len(pattern) > MAX_EXPRESSION:
        raise _too_large(MAX_EXPRESSION)
    grammars = json.loads(LLMatcher.grammar_from_regex(pattern))["grammars"]
    return {"lark_grammar": grammars[0]["lark_grammar"]}


def lark(grammar: str) -> Part:
    """Text in the language of `grammar`, in llguidance's Lark or llama.cpp's GBNF.

    Raises GrammarError for one that is too long, or GBNF that cannot be read.
    """
    if len(grammar) > MAX_EXPRESSION:
        raise _too_large(MAX_EXPRESSION)
    if "::=" not in grammar:
        return {"lark_grammar": grammar}
    try:
        return {"lark_grammar": any_to_lark(grammar)}
    except Exception as error:  # The converter raises nothing more special.
        raise GrammarError(_line(str(error))) from error


def choice(texts: Sequence[str]) -> Part:
    """One of `texts`."""
    return {"lark_grammar": f"start: {' | '.join(map(quoted, texts))}"}


def quoted(text: str) -> str:
    """`text` as Lark writes what stands for itself."""
    return json.dumps(text, ensure_ascii=False)


class GrammarCompiler:
    """Compiles grammars for the tokens of one model. Methods may be called from any thread."""

    def __init__(self, folder: Path, artifact: DecoderArtifact) -> None:
        """Does no work: the tokens are read when the first grammar needs them."""
        self._file = folder / "tokenizer.json"
        self._artifact = artifact
        self._lock = threading.Lock()
        self._known: LLTokenizer | None = None

    @property
    def _tokenizer(self) -> LLTokenizer:
        with self._lock:
            if self._known is None:
                self._known = LLTokenizer(
                    self._file.read_text(),
                    n_vocab=self._artifact.vocab_size,
                    eos_token=sorted(self._artifact.eos_token_ids),
                )
            return self._known

    def marker(self, text: str) -> str:
        """`text` as a Lark grammar has it, whether it is a token of its own or is spelled."""
        tokens = self._tokenizer.tokenize_str(text, parse_special=True)
        if len(tokens) == 1 and self._tokenizer.is_special_token(tokens[0]):
            return f"<[{tokens[0]}]>"
        return quoted(text)

    def compile(self, start: Part, *, special_tokens: bool = False, **others: Part) -> Grammar:
        """The grammar `start`, which may refer to `others` as `@name`.

        `special_tokens` if they are part of the text as any other ones are.
        Takes up to some seconds, in which other threads run. Raises GrammarError.
        """
        return _on_deep_stack(lambda: Grammar(self._matcher(start, others), special_tokens))

    def check_schema(self, schema: object) -> None:
        """Raises GrammarError, with the path to what is at fault, if `schema` cannot be kept to."""
        try:
            self.compile(json_schema(schema))
        except GrammarError as error:
            message = error.message
            path = _on_deep_stack(lambda: self._fault(schema, message))
            raise GrammarError(message, path) from error

    def _matcher(self, start: Part, others: Mapping[str, Part]) -> LLMatcher:
        named = [{"name": name, **part} for name, part in {"start": start, **others}.items()]
        try:
            texts = [json.dumps(part, allow_nan=False) for part in named]
        except (ValueError, RecursionError) as error:
            raise GrammarError("too deep, or with numbers that JSON does not have") from error
        if max(map(len, texts)) > MAX_PART:
            raise _too_large(MAX_PART)
        if sum(map(len, texts)) > MAX_GRAMMAR:
            raise _too_large(MAX_GRAMMAR)
        source = f'{{"grammars": [{", ".join(texts)}]}}'
        matcher = LLMatcher(self._tokenizer, source, log_level=_SILENT, limits=_LIMITS)
        if not matcher.is_error():
            matcher.compute_bitmask()
        if matcher.is_error():
            raise GrammarError(_line(matcher.get_error()))
        if any(endless(part.get("json_schema")) for part in named):
            raise GrammarError(_NO_TEXT)
        return matcher

    def _fault(self, schema: object, message: str) -> Sequence[str]:
        """The path to the smallest part of `schema` that is refused with `message`, too."""
        path: tuple[str, ...] = ()
        root = schema
        left = _SEARCH
        found: tuple[tuple[str, ...], object] | None = (path, schema)
        while found is not None:
            path, schema = found
            found = None
            for step, part in parts(schema):
                alone = _with_definitions(root, part)
                left -= _length(alone)
                if left < 0 or len(path) > _MAX_PATH:
                    return ()
                if self._refusal(alone) == message:
                    found = (*path, *step), part
                    break
        return path

    def _refusal(self, schema: object) -> str | None:
        try:
            self._matcher(json_schema(schema), {})
        except GrammarError as error:
            return error.message
        return None


@dataclass(frozen=True)
class Grammar:
    """A grammar for the tokens of one model; `special_tokens` if they are part of its texts."""

    start: LLMatcher
    special_tokens: bool

    def constraint(self) -> Constraint:
        """What holds one text to the grammar."""
        return _Progress(self.start.deep_copy())


class _Progress:
    """How far into a grammar a text is. Raises a 400 where it becomes too much to follow."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def restrict(self, logits: Floats) -> Floats:
        mask = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        self._check()
        allowed = np.unpackbits(mask, count=len(logits), bitorder="little").view(np.bool_)
        return np.where(allowed, logits, np.float32(-np.inf))

    def advance(self, token: int) -> None:
        self._matcher.consume_token(token)
        self._check()

    def _check(self) -> None:
        if self._matcher.is_error():
            raise bad_request(
                f"the text cannot go on under its grammar: {_line(self._matcher.get_error())}",
                code="grammar_too_complex",
            )


def _with_definitions(root: object, part: object) -> Any:
    """`part` alone, with what its references may name."""
    if not isinstance(root, Mapping) or not isinstance(part, Mapping):
        return part
    return {**{key: root[key] for key in ("$defs", "definitions") if key in root}, **part}


def _length(schema: object) -> int:
    try:
        return len(json.dumps(schema))
    except RecursionError:
        return _SEARCH + 1


def _on_deep_stack(work: Callable[[], T]) -> T:
    """What `work` returns or raises, in a thread that has _STACK bytes for its calls."""
    with ThreadPoolExecutor(1) as executor, _stack_size:
        before = threading.stack_size(_STACK)
        try:
            future = executor.submit(work)
        finally:
            threading.stack_size(before)
    return future.result()


def _too_large(limit: int) -> GrammarError:
    return GrammarError(f"longer than {limit} characters")


def _line(message: str) -> str:
    """A message of llguidance on one line, without its remarks for developers."""
    if message.startswith("NoExtension"):
        return _NO_TEXT
    if message.startswith("panic"):
        return "too large"
    return " ".join(message.replace("<non-verbose/>", "").split())[:300]

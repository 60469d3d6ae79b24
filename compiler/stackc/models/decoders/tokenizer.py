"""The tokenizer of a GGUF file, rebuilt as a ``tokenizer.json`` of the tokenizers library."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stackc.models.decoders.special_tokens import END_OF_TURN, SpecialTokens, fill_ids
from stackc.models.errors import CorruptFileError, UnsupportedError
from stackc.models.formats.gguf import GgufFile

Json = dict[str, Any]

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6

_CONTRACTIONS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_WORDS: Final = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_PUNCTUATION_AND_SPACE: Final = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says about its tokens, and the ids that the engine needs."""

    model: str
    pre_tokenizer: str
    tokens: Sequence[str]
    types: Sequence[int]
    bos_id: int | None
    eos_ids: tuple[int, ...]
    unknown_id: int | None
    add_bos: bool
    add_space_prefix: bool

    def text(self, token: int | None) -> str:
        """The text of a token, empty for none."""
        return "" if token is None else self.tokens[token]


def check(file: GgufFile) -> tuple[str, str]:
    """The names of the tokenizer's model and of its pre-tokenizer.

    Raises:
        UnsupportedError: one of them has no counterpart.
    """
    model = str(file.metadata.get("tokenizer.ggml.model", "missing"))
    if model not in _BUILDERS:
        known = ", ".join(_BUILDERS)
        raise UnsupportedError(f"tokenizer model `{model}` is not supported; supported: {known}")
    pre_tokenizer = str(file.metadata.get("tokenizer.ggml.pre", "default"))
    if model == "gpt2" and pre_tokenizer not in _PRE_TOKENIZERS:
        known = ", ".join(_PRE_TOKENIZERS)
        message = f"pre-tokenizer `{pre_tokenizer}` is not supported; supported: {known}"
        raise UnsupportedError(message)
    return model, pre_tokenizer


def read_vocabulary(file: GgufFile) -> Vocabulary:
    """The vocabulary of ``file``.

    Raises:
        UnsupportedError: as ``check`` says.
        CorruptFileError: tokens are missing, double or not numbered.
    """
    model, pre_tokenizer = check(file)
    tokens = _strings(file, "tokens")
    types = file.array("tokenizer.ggml.token_type") or [_NORMAL] * len(tokens)
    if len(types) != len(tokens) or len(set(tokens)) != len(tokens):
        raise CorruptFileError(file.name, "the tokens and their types do not fit together")
    bos_by_default = model == "llama" or pre_tokenizer in _LLAMA_3
    return Vocabulary(
        model=model,
        pre_tokenizer=pre_tokenizer,
        tokens=tokens,
        types=types,
        bos_id=_token_id(file, "bos_token_id", len(tokens)),
        eos_ids=_eos_ids(file, tokens, types),
        unknown_id=_token_id(file, "unknown_token_id", len(tokens)),
        add_bos=bool(file.metadata.get("tokenizer.ggml.add_bos_token", bos_by_default)),
        add_space_prefix=bool(file.metadata.get("tokenizer.ggml.add_space_prefix", True)),
    )


def special_tokens(file: GgufFile, vocabulary: Vocabulary) -> SpecialTokens:
    """The tokens that the engine needs.

    Raises:
        CorruptFileError: the metadata names one that is not there.
    """
    count = len(vocabulary.tokens)
    named = {part: _fill_id(file, part, count) for part in ("prefix", "suffix", "middle")}
    return SpecialTokens(
        bos_id=vocabulary.bos_id,
        eos_ids=vocabulary.eos_ids,
        add_bos=vocabulary.add_bos,
        bos_text=vocabulary.text(vocabulary.bos_id),
        eos_text=vocabulary.text(next(iter(vocabulary.eos_ids), None)),
        fill_ids=fill_ids(_ids(vocabulary), named),
    )


def tokenizer_json(file: GgufFile, vocabulary: Vocabulary) -> Json:
    """The content of ``tokenizer.json``.

    It adds no special tokens by itself: whether a prompt starts with one is in ``model.json``.

    Raises:
        CorruptFileError: a merge names a token that the vocabulary does not have.
    """
    parts = _BUILDERS[vocabulary.model](file, vocabulary)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added_tokens(vocabulary),
        "post_processor": None,
        **parts,
    }


def _byte_level(file: GgufFile, vocabulary: Vocabulary) -> Json:
    """GPT-2's tokenizer: BPE over bytes that are written as printable characters."""
    steps = _PRE_TOKENIZERS[vocabulary.pre_tokenizer]
    vocab = _ids(vocabulary)
    merges = _checked_merges(file, vocab)
    return {
        "normalizer": {"type": "NFC"} if vocabulary.pre_tokenizer == "qwen2" else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": list(steps)},
        "decoder": _byte_level_step(use_regex=True),
        "model": _bpe(vocab, merges, ignore_merges=vocabulary.pre_tokenizer in _LLAMA_3),
    }


def _sentencepiece(file: GgufFile, vocabulary: Vocabulary) -> Json:
    """Llama 2's tokenizer: BPE over characters, with bytes for those that have no token."""
    vocab = _ids(vocabulary)
    merges = _merges_by_score(file, vocab, vocabulary)
    prepend = {"type": "Prepend", "prepend": "▁"}
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    back = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    prefix = vocabulary.add_space_prefix
    decoders = [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *([strip] if prefix else [])]
    return {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [prepend, spaces] if prefix else [spaces],
        },
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": _bpe(
            vocab,
            merges,
            unk_token=vocabulary.text(vocabulary.unknown_id) or None,
            fuse_unk=True,
            byte_fallback=True,
        ),
    }


def _bpe(vocab: Mapping[str, int], merges: Sequence[Sequence[str]], **options: Any) -> Json:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        **options,
        "vocab": vocab,
        "merges": merges,
    }


def _split(pattern: str) -> Json:
    return {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }


def _byte_level_step(*, use_regex: bool) -> Json:
    return {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def _added_tokens(vocabulary: Vocabulary) -> list[Json]:
    return [
        {
            "id": index,
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind != _USER_DEFINED,
        }
        for index, (text, kind) in enumerate(zip(vocabulary.tokens, vocabulary.types, strict=True))
        if kind in (_UNKNOWN, _CONTROL, _USER_DEFINED)
    ]


def _checked_merges(file: GgufFile, vocab: Mapping[str, int]) -> list[list[str]]:
    merges = [merge.split(" ", 1) for merge in _strings(file, "merges")]
    for merge in merges:
        if len(merge) != 2 or not all(part in vocab for part in (*merge, "".join(merge))):
            raise CorruptFileError(file.name, f"the merge {' '.join(merge)!r} is not of its tokens")
    return merges


def _merges_by_score(
    file: GgufFile, vocab: Mapping[str, int], vocabulary: Vocabulary
) -> list[list[str]]:
    """SentencePiece merges the pair whose result has the best score; a ranked list says the same.

    The order among equal scores is that of transformers' converter for such vocabularies.
    """
    scores = file.array("tokenizer.ggml.scores")
    if scores is None or len(scores) != len(vocabulary.tokens):
        raise CorruptFileError(file.name, "the tokens and their scores do not fit together")
    ranked = []
    for piece, kind, score in zip(vocabulary.tokens, vocabulary.types, scores, strict=True):
        if kind not in (_NORMAL, _UNUSED):
            continue
        halves = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
        pairs = sorted(
            (vocab[left], vocab[right], left, right)
            for left, right in halves
            if left in vocab and right in vocab
        )
        ranked += [(score, len(left), len(right), left, right) for _, _, left, right in pairs]
    ranked.sort(key=lambda entry: entry[:3], reverse=True)
    return [[left, right] for *_, left, right in ranked]


def _ids(vocabulary: Vocabulary) -> dict[str, int]:
    return {text: index for index, text in enumerate(vocabulary.tokens)}


def _strings(file: GgufFile, key: str) -> list[str]:
    values = file.array(f"tokenizer.ggml.{key}")
    if not values or not isinstance(values[0], str):
        raise CorruptFileError(file.name, f"metadata `tokenizer.ggml.{key}` is missing")
    return values


def _token_id(file: GgufFile, key: str, count: int) -> int | None:
    value = file.metadata.get(f"tokenizer.ggml.{key}")
    if value is None:
        return None
    if not isinstance(value, int) or not 0 <= value < count:
        raise CorruptFileError(file.name, f"metadata `tokenizer.ggml.{key}` is {value!r}")
    return value


def _fill_id(file: GgufFile, part: str, count: int) -> int | None:
    """The id of a token around a gap, under the key of today or under that of before."""
    index = _token_id(file, f"fim_{part[:3]}_token_id", count)
    return _token_id(file, f"{part}_token_id", count) if index is None else index


def _eos_ids(file: GgufFile, tokens: Sequence[str], types: Sequence[int]) -> tuple[int, ...]:
    """The ids after which generation stops, the one of the metadata first."""
    named = [_token_id(file, key, len(tokens)) for key in ("eos_token_id", "eot_token_id")]
    turns = [
        index
        for index, (text, kind) in enumerate(zip(tokens, types, strict=True))
        if kind == _CONTROL and text in END_OF_TURN
    ]
    return tuple(dict.fromkeys(i for i in [*named, *turns] if i is not None))


_LLAMA_3: Final = ("llama-bpe", "llama3", "llama-v3")
_LLAMA_3_STEPS: Final = (
    _split(f"{_CONTRACTIONS}|{_WORDS}|\\p{{N}}{{1,3}}|{_PUNCTUATION_AND_SPACE}"),
    _byte_level_step(use_regex=False),
)
_GPT_2_STEPS: Final = (_byte_level_step(use_regex=True),)

# By the name in `tokenizer.ggml.pre`; each is the pre-tokenizer that the model was published with.
_PRE_TOKENIZERS: Final[Mapping[str, Sequence[Json]]] = {
    "default": _GPT_2_STEPS,
    "gpt-2": _GPT_2_STEPS,
    "smollm": ({"type": "Digits", "individual_digits": True}, *_GPT_2_STEPS),
    "llama-bpe": _LLAMA_3_STEPS,
    "llama3": _LLAMA_3_STEPS,
    "llama-v3": _LLAMA_3_STEPS,
    "qwen2": (
        _split(f"{_CONTRACTIONS}|{_WORDS}|\\p{{N}}|{_PUNCTUATION_AND_SPACE}"),
        _byte_level_step(use_regex=False),
    ),
}

# By the name in `tokenizer.ggml.model`.
_BUILDERS: Final[Mapping[str, Callable[[GgufFile, Vocabulary], Json]]] = {
    "gpt2": _byte_level,
    "llama": _sentencepiece,
}

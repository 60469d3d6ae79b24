"""The tokenizer of a decoder's folder: the published ``tokenizer.json`` and what stands beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from stackc.models.decoders.special_tokens import END_OF_TURN, SpecialTokens, fill_ids
from stackc.models.errors import CorruptFileError, UnsupportedError
from stackc.models.formats.entries import Entries

TOKENIZER: Final = "tokenizer.json"
_SETTINGS: Final = "tokenizer_config.json"
_TEMPLATE: Final = "chat_template.jinja"
_DECODERS: Final = ("ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Strip")
_SPECIAL: Final = ("bos_token", "eos_token", "pad_token", "unk_token")


def read(files: Mapping[str, Path], vocab_size: int) -> tuple[dict[str, Any], SpecialTokens]:
    """The content of ``tokenizer.json`` for the artifact, and the tokens that the engine needs.

    The tokenizer adds no tokens by itself: whether a prompt starts with one is said beside it.

    Raises:
        MissingFileError, CorruptFileError: a file is not there or not what it should be.
        UnsupportedError: the engine cannot tell the texts of its tokens.
    """
    content = published(files, vocab_size)
    _check_decoder(content)
    vocabulary, special = _ids(content)
    texts = special_texts(files)
    bos_id = vocabulary.get(texts.get("bos_token", ""))
    eos_ids = _eos_ids(files, texts, vocabulary, special)
    settings = Entries.optional(files, _SETTINGS)
    add_bos = settings.flag("add_bos_token", default=_begins_with(content, texts.get("bos_token")))
    by_id = {index: text for text, index in vocabulary.items()}
    return {**content, "post_processor": None}, SpecialTokens(
        bos_id=bos_id,
        eos_ids=eos_ids,
        add_bos=add_bos and bos_id is not None,
        bos_text=texts.get("bos_token", "") if bos_id is not None else "",
        eos_text=by_id.get(eos_ids[0], "") if eos_ids else "",
        fill_ids=fill_ids(vocabulary),
    )


def published(files: Mapping[str, Path], vocab_size: int) -> dict[str, Any]:
    """A published ``tokenizer.json`` without its limits: the engine cuts and pads for itself.

    Raises:
        MissingFileError, CorruptFileError: there is none, or it does not fit the model.
    """
    content = Entries.read(files, TOKENIZER).values
    try:
        vocabulary = content["model"]["vocab"]
        # Unigram models have a list, in which a token's place is its id.
        listed = isinstance(vocabulary, list)
        ids = [len(vocabulary) - 1] if listed else list(vocabulary.values())
        ids += [token["id"] for token in content["added_tokens"]]
        fits = all(type(each) is int and each >= 0 for each in ids) and max(ids) < vocab_size
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CorruptFileError(TOKENIZER, "it has no vocabulary of ids") from None
    if not fits:
        raise CorruptFileError(TOKENIZER, "it has more tokens than the model has embeddings")
    return {**content, "truncation": None, "padding": None}


def special_texts(files: Mapping[str, Path]) -> dict[str, str]:
    """The texts of the tokens that ``tokenizer_config.json`` names, by their roles."""
    settings = Entries.optional(files, _SETTINGS)
    texts = {}
    for role in _SPECIAL:
        value = settings.values.get(role)
        # Either the text itself or an object that says more about the token.
        text = settings.object(role).text("content") if isinstance(value, dict) else value
        if text is not None and not isinstance(text, str):
            raise CorruptFileError(_SETTINGS, f"`{role}` is {value!r}"[:200])
        if text is not None:
            texts[role] = text
    return texts


def chat_template(files: Mapping[str, Path]) -> str:
    """The template of ``chat_template.jinja`` or of ``tokenizer_config.json``.

    Raises:
        UnsupportedError: there is none.
        CorruptFileError: it is no text.
    """
    if _TEMPLATE in files:
        try:
            return files[_TEMPLATE].read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise CorruptFileError(_TEMPLATE, "it is not UTF-8") from None
    settings = Entries.optional(files, _SETTINGS)
    template: Any = settings.values.get("chat_template")
    if isinstance(template, list):
        named = Entries.listed(_SETTINGS, template)
        template = {each.text("name"): each.text("template") for each in named}.get("default")
    if template is None:
        raise UnsupportedError(f"`{_SETTINGS}` has no chat template")
    if not isinstance(template, str):
        raise CorruptFileError(_SETTINGS, "`chat_template` is no text")
    return template


def _check_decoder(content: Mapping[str, Any]) -> None:
    """Raises UnsupportedError unless tokens are bytes, or SentencePiece's with `▁` for a space."""
    decoder = content.get("decoder")
    steps = _list(decoder, "decoders") or [decoder]
    for step in steps:
        kind = step.get("type") if isinstance(step, dict) else None
        if kind not in _DECODERS:
            name = str(kind)[:100]
            raise UnsupportedError(f"`{TOKENIZER}` has the decoder `{name}`, not supported")


def _ids(content: Mapping[str, Any]) -> tuple[dict[str, int], set[str]]:
    """All tokens with their ids, and the texts of those that are no text of the user's."""
    vocabulary = content["model"]["vocab"]
    try:
        if isinstance(vocabulary, list):
            found = {text: index for index, (text, *_) in enumerate(vocabulary)}
        else:
            found = dict(vocabulary)
        added = {token["content"]: token["id"] for token in content["added_tokens"]}
        special = {each["content"] for each in content["added_tokens"] if each["special"]}
        known = all(isinstance(text, str) for text in (*found, *added))
    except (KeyError, TypeError, ValueError):
        known = False
    if not known:
        raise CorruptFileError(TOKENIZER, "an entry of its vocabulary is damaged")
    return found | added, special


def _eos_ids(
    files: Mapping[str, Path],
    texts: Mapping[str, str],
    vocabulary: Mapping[str, int],
    special: set[str],
) -> tuple[int, ...]:
    """The ids after which generation stops, the one that the tokenizer names first."""
    eos = texts.get("eos_token", "")
    first = [vocabulary[eos]] if eos in vocabulary else []
    count = max(vocabulary.values()) + 1
    named: list[int] = []
    for name in ("generation_config.json", "config.json"):
        named = named or _named_ids(Entries.optional(files, name), count)
    turns = sorted(vocabulary[text] for text in END_OF_TURN if text in special)
    return tuple(dict.fromkeys([*first, *named, *turns]))


def _named_ids(entries: Entries, count: int) -> list[int]:
    value = entries.values.get("eos_token_id")
    ids = value if isinstance(value, list) else [] if value is None else [value]
    if not all(type(index) is int and 0 <= index < count for index in ids):
        raise CorruptFileError(entries.file, f"`eos_token_id` is {value!r}"[:200])
    return ids


def _begins_with(content: Mapping[str, Any], text: str | None) -> bool:
    """Whether the tokenizer puts the token ``text`` in front of every text."""
    processor = content.get("post_processor")
    steps = [processor, *_list(processor, "processors")]
    for step in steps:
        for piece in _list(step, "single")[:1]:
            token = piece.get("SpecialToken") if isinstance(piece, dict) else None
            if isinstance(token, dict) and text is not None and token.get("id") == text:
                return True
    return False


def _list(value: object, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []

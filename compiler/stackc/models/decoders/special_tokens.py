"""The tokens that mean something to the engine, whatever kind of file names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Tokens that end a turn, whichever of them the metadata names (llama.cpp, src/llama-vocab.cpp).
END_OF_TURN: Final = (
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<|end▁of▁sentence|>",
    "<EOT>",
    "_<EOT>",
)

# What models call the tokens before, behind and in a gap (llama.cpp, src/llama-vocab.cpp).
_FILL_TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "prefix": (
        "<|fim_prefix|>",
        "<fim-prefix>",
        "<fim_prefix>",
        "<|code_prefix|>",
        "<\uff5cfim▁begin\uff5c>",
        "▁<PRE>",
        "<PRE>",
    ),
    "suffix": (
        "<|fim_suffix|>",
        "<fim-suffix>",
        "<fim_suffix>",
        "<|code_suffix|>",
        "<\uff5cfim▁hole\uff5c>",
        "▁<SUF>",
        "<SUF>",
    ),
    "middle": (
        "<|fim_middle|>",
        "<fim-middle>",
        "<fim_middle>",
        "<|code_middle|>",
        "<\uff5cfim▁end\uff5c>",
        "▁<MID>",
        "<MID>",
    ),
}


@dataclass(frozen=True, kw_only=True)
class SpecialTokens:
    """Ids of a decoder's tokens, and the texts of two of them.

    ``fill_ids`` are the ids of "prefix", "suffix" and "middle" in a prompt that has a gap.
    """

    bos_id: int | None
    eos_ids: tuple[int, ...]
    add_bos: bool
    bos_text: str
    eos_text: str
    fill_ids: Mapping[str, int | None]

    def describe(self) -> dict[str, Any]:
        """The entries of ``model.json``."""
        return {
            "bos_token_id": self.bos_id,
            "eos_token_ids": self.eos_ids,
            "add_bos_token": self.add_bos,
            "bos_token": self.bos_text,
            "eos_token": self.eos_text,
            **{f"fim_{part}_id": index for part, index in self.fill_ids.items()},
        }


def fill_ids(
    vocabulary: Mapping[str, int], named: Mapping[str, int | None] | None = None
) -> dict[str, int | None]:
    """The ids of the tokens around a gap: the ``named`` ones, others by their texts."""
    found: dict[str, int | None] = {}
    for part, texts in _FILL_TEXTS.items():
        known = [vocabulary[text] for text in texts if text in vocabulary]
        index = named.get(part) if named else None
        found[part] = next(iter(known), None) if index is None else index
    return found

"""Chat templates: from Jinja in a model's file to plain functions of the generated package."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stackc.models.decoders import safetensors_decoder
from stackc.models.decoders.decoder_source import gguf_of
from stackc.models.decoders.jinja.code import WIDTH
from stackc.models.errors import UnsupportedError, UnsupportedTemplateError
from stackc.models.formats import tokenizer_folder
from stackc.models.formats.gguf import GgufFile

SUPPORT: Final = (
    "UNDEFINED",
    "Namespace",
    "add",
    "contains",
    "default",
    "divide",
    "each",
    "enter",
    "equal",
    "fail",
    "first",
    "floor_divide",
    "integer",
    "is_iterable",
    "is_sequence",
    "item",
    "items",
    "join",
    "joined",
    "last",
    "length",
    "less",
    "less_or_equal",
    "limited",
    "loops",
    "mapping",
    "modulo",
    "multiply",
    "numbers",
    "part",
    "replaced",
    "strftime_now",
    "string",
    "subtract",
    "text",
    "to_float",
    "to_int",
    "to_json",
)
"""What generated code may import from ``stackrt.engine.template``."""

_SPECIAL_TOKENS: Final[Mapping[str, str]] = {
    "bos_token": "bos_token_id",
    "eos_token": "eos_token_id",
    "pad_token": "padding_token_id",
    "unk_token": "unknown_token_id",
}


@dataclass(frozen=True)
class Function:
    """A translated chat template: a Python function, and the support functions that it calls."""

    source: str
    imports: tuple[str, ...]


def function_source(files: Mapping[str, Path], name: str) -> Function:
    """The chat template of the decoder in ``files`` as a Python function called ``name``.

    Reads the metadata of a GGUF file, or the JSON files of a folder.

    Raises:
        UnsupportedTemplateError: the template uses something that has no translation.
        UnsupportedError: there is no chat template.
        CorruptFileError: a file is damaged.
    """
    if safetensors_decoder.CONFIG in files:
        text = tokenizer_folder.chat_template(files)
        return translate(text, name, tokenizer_folder.special_texts(files))
    file_name, path = gguf_of(files)
    with GgufFile(path, name=file_name) as file:
        template = file.metadata.get("tokenizer.chat_template")
        if not isinstance(template, str):
            raise UnsupportedError(f"`{file_name}` has no chat template")
        return translate(template, name, _special_tokens(file))


def translate(template: str, name: str, special_tokens: Mapping[str, str]) -> Function:
    """A Jinja chat template as a Python function.

    The function takes ``messages``, ``tools`` and ``add_generation_prompt`` and gives the prompt;
    it raises ``stackrt.engine.template_limits.TemplateError`` where the template raises.
    ``special_tokens`` are constants of the template, such as ``bos_token``.

    Raises:
        UnsupportedTemplateError: the template uses something that has no translation.
    """
    # Here, because jinja2 is only needed where a template is translated.
    from stackc.models.decoders.jinja.function import write

    try:
        source = write(template, name, special_tokens, SUPPORT)
        tree = ast.parse(source)
    except RecursionError:
        raise UnsupportedTemplateError("too deep a nesting", 1) from None
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return Function(source, tuple(each for each in SUPPORT if each in used))


def module_source(functions: Iterable[Function]) -> str:
    """The text of the module that holds the functions."""
    known = list(functions)
    used = {each for function in known for each in function.imports}
    support = _import([each for each in SUPPORT if each in used])
    return _HEADER + support + "".join(f"\n\n{function.source}" for function in known)


def _import(names: Sequence[str]) -> str:
    """The line that imports them; where it is too long, one for each name."""
    if not names:
        return ""
    line = f"\nfrom stackrt.engine.template import {', '.join(names)}\n"
    if len(line.strip()) <= WIDTH:
        return line
    return "\nfrom stackrt.engine.template import (\n    " + ",\n    ".join(names) + ",\n)\n"


_HEADER: Final = '''\
"""Chat templates of the language models: how each was trained to read a conversation."""

from collections.abc import Mapping, Sequence
from typing import Any
'''


def _special_tokens(file: GgufFile) -> dict[str, str]:
    """The texts of the tokens that the metadata names; only these are read from the vocabulary."""
    tokens: dict[str, str] = {}
    for name, key in _SPECIAL_TOKENS.items():
        index = file.metadata.get(f"tokenizer.ggml.{key}")
        if isinstance(index, int):
            token = file.string_at("tokenizer.ggml.tokens", index)
            if token is not None:
                tokens[name] = token
    return tokens

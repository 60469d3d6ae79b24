"""Small random checkpoints of BERT's family, made by transformers, with tokenizers to match."""

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, processors
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    DistilBertModel,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    XLMRobertaModel,
)

WORDS = ["<s>", "<pad>", "</s>", "[UNK]", *(f"w{number}" for number in range(60)), "a"]

_SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 40,
    "vocab_size": len(WORDS),
}
_DISTIL_SHAPE: dict[str, Any] = {
    "dim": 32,
    "hidden_dim": 64,
    "n_layers": 2,
    "n_heads": 4,
    "max_position_embeddings": 40,
    "vocab_size": len(WORDS),
}
# transformers: configuration, encoder, encoder with a classification head
CLASSES: dict[str, tuple[Any, Any, Any, dict[str, Any]]] = {
    "bert": (BertConfig, BertModel, BertForSequenceClassification, _SHAPE),
    "roberta": (
        RobertaConfig,
        RobertaModel,
        RobertaForSequenceClassification,
        {**_SHAPE, "type_vocab_size": 1},
    ),
    "xlm-roberta": (
        XLMRobertaConfig,
        XLMRobertaModel,
        XLMRobertaForSequenceClassification,
        {**_SHAPE, "type_vocab_size": 1},
    ),
    "distilbert": (
        DistilBertConfig,
        DistilBertModel,
        DistilBertForSequenceClassification,
        _DISTIL_SHAPE,
    ),
}


class Checkpoint:
    """A random model in a folder, as transformers saves it."""

    def __init__(self, folder: Path, family: str, *, head: bool = False, **options: Any) -> None:
        torch.manual_seed(0)
        configuration, encoder, classifier, shape = CLASSES[family]
        config = configuration(**shape, pad_token_id=1, **options)
        self.folder = folder
        self.model = (classifier if head else encoder)(config).eval()
        # Fresh weights are so small that every model gives nearly the same for every text.
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
        self.model.save_pretrained(folder)
        self.write("tokenizer.json", tokenizer_json(pairs_repeat_end="roberta" in family))

    def write(self, name: str, content: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))

    @property
    def config(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        return content

    @property
    def files(self) -> dict[str, Path]:
        paths = [path for path in self.folder.rglob("*") if path.is_file()]
        return {path.relative_to(self.folder).as_posix(): path for path in paths}


def tokenizer_json(*, pairs_repeat_end: bool) -> Any:
    """One token a word; pairs as BERT has them, or as RoBERTa, with the end twice and no types."""
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    pair = "<s>:0 $A:0 </s>:0 $B:1 </s>:1"
    if pairs_repeat_end:
        pair = "<s>:0 $A:0 </s>:0 </s>:0 $B:0 </s>:0"
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair=pair, special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "[UNK]"])
    return json.loads(tokenizer.to_str())

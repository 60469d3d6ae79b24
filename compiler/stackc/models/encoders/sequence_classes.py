"""What the folder of a cross-encoder or a sequence classifier says about its scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stackc.models.encoders.sentence import MODULES
from stackc.models.errors import CorruptFileError, UnsupportedError
from stackc.models.formats.entries import Entries

SUFFIX: Final = "ForSequenceClassification"
_MOST_LABELS: Final = 1 << 16

# A class of torch by the last part of its path, as cross-encoders name what follows their logit.
_ACTIVATIONS: Final = {"Sigmoid": "sigmoid", "Identity": "identity"}


@dataclass(frozen=True)
class Classes:
    """Scores of a text, or of a pair of texts where there is one label.

    ``activation`` makes them of the logits: ``softmax``, ``sigmoid`` or ``identity``.
    """

    labels: tuple[str, ...]
    activation: str


def is_classifier(files: Mapping[str, Path], config: Entries) -> bool:
    """Whether the model ends in a classification head."""
    architectures = config.values.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    return MODULES not in files and any(str(name).endswith(SUFFIX) for name in names)


def read_classes(config: Entries) -> Classes:
    """What ``config.json`` says about the labels, with the defaults of transformers.

    Raises:
        UnsupportedError: the scores are of a kind that has no converter.
        CorruptFileError: the entries are not what they should be.
    """
    labels = _labels(config)
    if len(labels) == 1:
        return Classes(labels, _activation(config))
    problem = config.text("problem_type") or "single_label_classification"
    activations = {
        "single_label_classification": "softmax",
        "multi_label_classification": "sigmoid",
    }
    if problem not in activations:
        raise UnsupportedError(f"a classifier for `{problem}` is not supported")
    return Classes(labels, activations[problem])


def _labels(config: Entries) -> tuple[str, ...]:
    names = config.object("id2label")
    count = len(names.values) or (
        config.count("num_labels") if "num_labels" in config.values else 2
    )
    if count > _MOST_LABELS:
        raise CorruptFileError(config.file, f"it has {count} labels")
    if not names.values:
        return tuple(f"LABEL_{index}" for index in range(count))
    labels = [names.text(str(index)) for index in range(count)]
    if not all(labels) or len(set(labels)) != count:
        raise CorruptFileError(config.file, "`id2label` does not name every label once")
    return tuple(str(label) for label in labels)


def _activation(config: Entries) -> str:
    """What a cross-encoder does with its one logit (sentence-transformers, CrossEncoder)."""
    path = config.object("sentence_transformers").text("activation_fn")
    path = path or config.text("sbert_ce_default_activation_function") or "Sigmoid"
    name = path.rpartition(".")[2]
    if name not in _ACTIVATIONS:
        raise UnsupportedError(f"activation `{path}` of a cross-encoder is not supported")
    return _ACTIVATIONS[name]

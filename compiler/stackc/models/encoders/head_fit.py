"""Fits a logistic head on a sentence encoder to a table of labelled texts.

It is fitted once, when a distribution is locked: floating point differs from machine to machine,
and the lock pins what came out.
"""

import csv
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stackc.models.encoders.head import Figures, Head, HeadData
from stackc.models.encoders.vectors import vectors_of
from stackc.models.errors import CorruptFileError, UnsupportedError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Progress = Callable[[int, int], None]

# One text in ten is not fitted on. A text's hash says which, so the order of the rows does not.
_HELD_OUT: Final = 10
_FEWEST_TEXTS: Final = 100
_PENALTY: Final = 0.1  # on half the squared weights, beside the summed loss of unit vectors
_MOST_STEPS: Final = 50
_TOLERANCE: Final = 1e-8
_DIGITS: Final = 6
_LONGEST_FIELD: Final = 1 << 20


def fit_head(
    artifact: Path, data: Path, about: HeadData, *, python: str, progress: Progress
) -> tuple[Head, Figures]:
    """Fits a head on the vectors of a compiled encoder.

    ``artifact`` is the encoder's folder, ``data`` a CSV file in UTF-8 whose first row names its
    columns, ``python`` an interpreter that has numpy, onnxruntime and tokenizers.

    Raises:
        CorruptFileError: the file is no such table.
        UnsupportedError: a column is not there, the texts are too few or all of one class, or the
            encoder does not run.
    """
    labelled = read_labelled(data, about)
    texts = sorted(labelled)
    positive = np.array([labelled[text] for text in texts])
    held_out = np.array([is_held_out(text) for text in texts])
    for part in (positive[held_out], positive[~held_out]):
        if len(texts) < _FEWEST_TEXTS or part.all() or not part.any():
            raise UnsupportedError(
                f"a head needs {_FEWEST_TEXTS} texts and some of both classes; "
                f"here are {len(texts)}, of which {positive.sum()} have `{about.positive}`"
            )
    negative = [text for text in texts if not labelled[text] and not is_held_out(text)]
    short = [text for text in beginnings(negative) if text not in labelled]
    vectors = vectors_of(artifact, [*texts, *short], python=python, progress=progress)
    of_texts, of_short = np.split(vectors, [len(texts)])
    weights = fit(
        np.concatenate([of_texts[~held_out], of_short]),
        np.concatenate([positive[~held_out], np.zeros(len(short), bool)]),
    )
    *factors, bias = (float(f"{weight:.{_DIGITS}g}") for weight in weights)
    head = Head(tuple(factors), bias, about.threshold, about.names)
    return head, measure(head, of_texts[held_out], positive[held_out], len(texts))


def read_labelled(data: Path, about: HeadData) -> dict[str, bool]:
    """Each text of the table, and whether it is positive; the first of two alike counts.

    Raises:
        CorruptFileError: the file is no table in UTF-8.
        UnsupportedError: a column is not there.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    labelled: dict[str, bool] = {}
    try:
        with data.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream, strict=True)
            for column in (about.text, about.label):
                if column not in (rows.fieldnames or ()):
                    raise UnsupportedError(f"the data of a head has no column `{column}`")
            for row in rows:
                text, label = row[about.text], row[about.label]
                if text and label is not None:
                    labelled.setdefault(text, label == about.positive)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorruptFileError(data.name, f"it is no CSV file in UTF-8: {error}") from None
    return labelled


def beginnings(negatives: Sequence[str]) -> list[str]:
    """Nothing, and the first one and two words of each text: negative too.

    Tables hardly have texts so short, and a head that never saw one finds "Hi" and "yes" as far
    from the negative texts as from the positive ones.
    """
    return sorted({"", *(" ".join(text.split()[:words]) for text in negatives for words in (1, 2))})


def is_held_out(text: str) -> bool:
    """Whether a text only measures the head."""
    return hashlib.sha256(text.encode()).digest()[0] % _HELD_OUT == 0


def fit(vectors: Floats, positive: Flags) -> Floats:
    """The weights, then the bias, of the logistic regression with an L2 penalty on the weights.

    Newton's method on a strictly convex loss: a handful of steps to the one minimum.
    """
    inputs = np.column_stack([vectors, np.ones(len(vectors))])
    penalty = np.full(inputs.shape[1], _PENALTY)
    penalty[-1] = 1e-6
    weights = np.zeros(inputs.shape[1])
    for _ in range(_MOST_STEPS):
        scores = _logistic(inputs @ weights)
        gradient = inputs.T @ (scores - positive) + penalty * weights
        curvature = (inputs * (scores * (1 - scores))[:, None]).T @ inputs + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < _TOLERANCE:
            break
    return weights


def measure(head: Head, vectors: Floats, positive: Flags, texts: int) -> Figures:
    """The figures of a head on texts that it has not seen."""
    found = _logistic(vectors @ np.array(head.weights) + head.bias) >= head.threshold
    return Figures(
        texts=texts,
        held_out=len(positive),
        accuracy=round(float((found == positive).mean()), 4),
        recall=round(float(found[positive].mean()), 4),
        false_positive_rate=round(float(found[~positive].mean()), 4),
    )


def _logistic(logits: Floats) -> Floats:
    values: Floats = 0.5 * (1 + np.tanh(logits / 2))  # does not overflow, as exp(-logit) would
    return values

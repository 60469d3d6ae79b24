"""A sequence classifier: texts in, a label and its score for each out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.artifact import ClassifierArtifact, read_classifier
from stackrt.engine.encoder import EncoderRunner
from stackrt.engine.encoder_text import EncoderText
from stackrt.engine.session import Device
from stackrt.engine.tokenizer import Tokenizer

# Windows that a long text is read in: of 512 tokens, some 24,000 tokens or 90 pages.
MAX_WINDOWS = 64


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a classifier says of a text.

    `scores` has each label's, from 0 to 1; `labels` are those that the text has, the most certain
    first: one where they exclude each other, else those from the model's threshold on.
    """

    labels: tuple[str, ...]
    scores: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class ClassifierModel:
    """Where a compiled classifier is, and what it is called."""

    name: str
    path: Path

    def load(self, *, threads: int, max_queue: int, device: Device) -> ClassifierEngine:
        """Reads the model's files. Raises DeviceError where `device` is missing."""
        return ClassifierEngine(self, threads=threads, max_queue=max_queue, device=device)


class ClassifierEngine:
    """A classifier in memory, with a thread that runs it batch by batch."""

    def __init__(
        self, model: ClassifierModel, *, threads: int, max_queue: int, device: Device
    ) -> None:
        self.name = model.name
        self.artifact: ClassifierArtifact = read_classifier(model.path)
        tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._text = EncoderText(tokenizer, max_tokens=self.artifact.max_tokens)
        self._runner = EncoderRunner(
            model.path,
            name=model.name,
            output="scores",
            width=len(self.artifact.labels),
            threads=threads,
            max_queue=max_queue,
            device=device,
        )

    async def open(self) -> None:
        """Nothing to do: the thread starts with the first request."""

    async def close(self) -> None:
        """Ends the thread after the batch it is at, and what waits with a 503."""
        await self._runner.close()

    @property
    def alive(self) -> bool:
        """Whether a request would be worked on."""
        return True

    @property
    def longest_text(self) -> int:
        """Tokens that a text may have."""
        return self._text.room_of(MAX_WINDOWS)

    def check_room(self) -> None:
        """Raises the 429 that `classify` would."""
        self._runner.check_room()

    async def classify(self, texts: Sequence[str]) -> list[Classification]:
        """The classes of each text, in their order.

        A text longer than the model's input is read in windows. Raises TooManyTokensError for one
        of more than MAX_WINDOWS, and a 429 if too many requests wait already.
        """
        self.check_room()
        windows = await asyncio.to_thread(
            lambda: [self._text.windows(text, most=MAX_WINDOWS) for text in texts]
        )
        scores = await self._runner.run([row for rows in windows for row in rows])
        ends = np.cumsum([len(rows) for rows in windows])[:-1]
        return [decide(part, self.artifact) for part in np.split(scores, ends)] if texts else []


def decide(windows: NDArray[np.float32], artifact: ClassifierArtifact) -> Classification:
    """The classes of one text, of the scores [windows, labels] of its windows.

    What is looked for in a text may stand in any of its windows: the one with the highest score
    of the decisive label counts. Other labels that exclude each other are averaged, and those that
    do not have the highest score of any window.
    """
    decisive = artifact.decisive
    if decisive is not None:
        scores = windows[windows[:, decisive].argmax()]
    else:
        scores = windows.mean(axis=0) if artifact.exclusive else windows.max(axis=0)
    by_label = dict(zip(artifact.labels, map(float, scores), strict=True))
    ranked = sorted(artifact.labels, key=by_label.__getitem__, reverse=True)
    if not artifact.exclusive:
        chosen = [label for label in ranked if by_label[label] >= artifact.threshold]
    elif decisive is not None:
        positive = scores[decisive] >= artifact.threshold
        chosen = [artifact.labels[decisive if positive else 1 - decisive]]
    else:
        chosen = ranked[:1]
    return Classification(labels=tuple(chosen), scores=by_label)

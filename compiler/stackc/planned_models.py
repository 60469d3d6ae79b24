"""The models that a build compiles: decided, and told to people and programs."""

from dataclasses import asdict, dataclass, field
from typing import Any

from stackc.lock import LockedHead, LockedModel, Loss
from stackc.models.encoders.head import Figures, Head
from stackc.source import Span
from stackc.stack import Device


@dataclass(frozen=True)
class PlannedModel:
    """A model to compile: into which folder, from which pinned files, how.

    `function` is a language model's chat template, and `slots` how many sequences it decodes at
    once; other models have None and 0.
    """

    folder: str
    function: str | None
    locked: LockedModel
    context_length: int | None
    slots: int
    device: Device
    place: Span = field(compare=False)

    @property
    def context(self) -> int:
        """Tokens of context that there is room for."""
        return self.context_length or self.locked.context_length

    @property
    def head(self) -> Head | None:
        """The head that the lock pins for it, fitted."""
        locked = self.locked.head
        if locked is None:
            return None
        return Head(locked.weights, locked.bias, locked.about.threshold, locked.about.names)

    def as_json(self) -> dict[str, Any]:
        """The model as plan.json shows it."""
        locked = self.locked
        return {
            "folder": self.folder,
            "source": str(locked.pinned_source),
            "architecture": locked.architecture,
            "model_type": locked.model_type,
            "parameters": locked.parameters,
            "quantization": locked.quantization,
            "loss": _loss_json(locked.loss) if locked.loss else None,
            "head": _head_json(locked.head) if locked.head else None,
            "context_length": self.context,
            "slots": self.slots or None,
            "device": self.device,
            "files": {file.path: file.sha256 for file in locked.files},
        }

    @property
    def summary(self) -> str:
        """Its slots, what the format of its weights costs, what its head is worth: in a line."""
        locked = self.locked
        parts = [locked.quantization, *_loss_words(locked.loss)]
        if self.slots:
            noun = "slot" if self.slots == 1 else "slots"
            parts.insert(0, f"{self.slots} {noun} of {self.context:,} tokens")
        if locked.head and locked.head.figures:
            parts += _figures_words(locked.head.figures)
        return f"{self.folder}: {', '.join(parts)}"


def _loss_json(loss: Loss) -> dict[str, float]:
    return {name: value for name, value in asdict(loss).items() if value is not None}


def _head_json(head: LockedHead) -> dict[str, Any]:
    return {
        "data": head.data,
        **asdict(head.about),
        "files": {file.path: file.sha256 for file in head.files},
        "figures": asdict(head.figures) if head.figures else None,
    }


def _loss_words(loss: Loss | None) -> list[str]:
    if loss is None:
        return []
    if loss.cosine is not None:
        return [f"cosine {loss.cosine:g} with fp32"]
    return [
        f"KL {loss.kl:g}",
        f"perplexity {loss.perplexity:g} against {loss.reference_perplexity:g}",
    ]


def _figures_words(figures: Figures) -> list[str]:
    return [
        f"head right on {figures.accuracy:.1%} of {figures.held_out:,} other texts",
        f"finds {figures.recall:.1%} of the positive",
        f"{figures.false_positive_rate:.1%} false positives",
    ]

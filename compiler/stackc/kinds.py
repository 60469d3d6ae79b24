"""The kinds of resources that a distribution can register, each by the list that it stands in."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A kind of resource: the key of its id, the API whose providers keep it, its JSON Schema.

    `chooses`: whether its provider is the only one there is where it names none.
    """

    id: str
    api: str
    definition: str
    chooses: bool = True


KINDS: Final = {
    "models": Kind("model_id", "inference", "model"),
    "shields": Kind("shield_id", "safety", "shield"),
    "vector_stores": Kind("vector_store_id", "vector_io", "vector_store"),
    "datasets": Kind("dataset_id", "datasetio", "dataset", chooses=False),
    "scoring_fns": Kind("scoring_fn_id", "scoring", "scoring_fn"),
    "benchmarks": Kind("benchmark_id", "eval", "benchmark"),
    "tool_groups": Kind("toolgroup_id", "tool_runtime", "tool_group"),
}

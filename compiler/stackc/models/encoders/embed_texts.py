"""Run by path in the environment of a stack: `embed_texts.py ARTIFACT FOLDER`.

Reads texts.json in FOLDER and writes vectors.npy there; prints how many texts are done.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import tokenizers

_BATCH = 32


def main(artifact: Path, folder: Path) -> None:
    """The whole of it. Texts of like length share a batch."""
    texts = json.loads((folder / "texts.json").read_text(encoding="ascii"))
    description = json.loads((artifact / "model.json").read_text(encoding="utf-8"))
    tokenizer = tokenizers.Tokenizer.from_file(str(artifact / "tokenizer.json"))
    tokenizer.enable_truncation(description["max_tokens"])
    session = onnxruntime.InferenceSession(
        str(artifact / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    rows = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    vectors = np.empty((len(rows), description["embedding_dimension"]), np.float32)
    for start in range(0, len(order), _BATCH):
        batch = order[start : start + _BATCH]
        ids = np.zeros((len(batch), len(rows[batch[-1]])), np.int64)
        mask = np.zeros_like(ids)
        for index, row in enumerate(batch):
            ids[index, : len(rows[row])] = rows[row]
            mask[index, : len(rows[row])] = 1
        feed = {"input_ids": ids, "attention_mask": mask}
        (vectors[batch],) = session.run(["sentence_embedding"], feed)
        print(start + len(batch), flush=True)
    np.save(folder / "vectors.npy", vectors)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

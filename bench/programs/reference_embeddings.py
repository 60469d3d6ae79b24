"""An embedding model under sentence-transformers: `reference_embeddings.py FOLDER`.

Reads lists of texts as lines of JSON, and answers each with the seconds that its vectors took and
the vectors. The first line out is how long import and load took, and the memory then.
"""

import json
import sys
import time
from pathlib import Path


def resident_megabytes() -> float:
    """The resident set size of this process."""
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def main(folder: str) -> None:
    """Answers until the input ends."""
    began = time.perf_counter()
    # Here, because the import is a part of what is measured.
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    model.encode(["warm up"])
    print(json.dumps([time.perf_counter() - began, resident_megabytes()]), flush=True)
    for line in sys.stdin:
        texts = json.loads(line)
        asked = time.perf_counter()
        vectors = model.encode(texts, batch_size=32, show_progress_bar=False)
        print(json.dumps([time.perf_counter() - asked, vectors.tolist()]), flush=True)


main(sys.argv[1])

"""A turning model, and as much of a run as the stage looks at."""

from types import SimpleNamespace

import numpy as np
import polars as pl

from emotion_vectors import settings
from emotion_vectors.progress import Reporter
from emotion_vectors.settings import Runtime
from emotion_vectors.store.atomic import write_json
from emotion_vectors.store.run_folder import RunFolder, fingerprint

LAYER = 1


WORDS = (
    "help swap team book walk home music light water garden letter story river small early quiet table paper".split()
)


def texts(count):
    draw = np.random.default_rng(5)
    return [" ".join(draw.choice(WORDS, 40)) for _ in range(count)]


def lab_of(lm, folder, asked=11, written=None):
    """As much of a run as the stage looks at; of its neutral texts one is too short and one was not kept."""
    written = written or ["Too short.", *texts(asked + 1)]
    folder.mkdir(exist_ok=True)
    table = pl.DataFrame({"text": written, "kept": [i != 2 for i in range(len(written))]})
    table.write_parquet(folder / "neutral.parquet")
    (folder / "stages").mkdir(exist_ok=True)
    write_json(
        folder / "stages" / "neutral.json",
        {"inputs": fingerprint([]), "files": {}, "facts": {}, "seconds": 0, "unit": "texts"},
    )
    lab = SimpleNamespace(
        lm=lm, layer=LAYER, run=RunFolder(folder), reporter=Reporter(quiet=True), runtime=Runtime(tokens_per_batch=300),
        settings=settings.change(settings.toy(), jacobian_texts=asked), fingerprint="f", processes=lambda jobs: 1,
    )  # fmt: skip
    return lab

"""What the pieces of a stage leave for each other is let go of wherever they are done, not only where the run is."""

import shutil

import pytest

from emotion_vectors import settings
from emotion_vectors.lab import Equipment
from emotion_vectors.opening import opened
from emotion_vectors.scale.workers import InProcess
from emotion_vectors.stages.steering import share_steering
from emotion_vectors.vectors.file import EmotionVectors


class Elsewhere(InProcess):
    """A worker with a kit of its own, as an actor of a cluster has; what the kit keeps is looked at after every piece."""

    def __init__(self, lab):
        super().__init__(Equipment(settings=lab.settings, runtime=lab.runtime, pack=lab.pack, reporter=lab.reporter))
        self.kept = []

    def each(self, work, jobs, advance=lambda _: None, model_jobs=0):
        for found in super().each(work, jobs, advance, 0):
            self.kept.append(set(self.kit.scratch))
            yield found


@pytest.mark.slow
def test_the_unsteered_pass_is_let_go_of_where_it_was_made(toy_run, tmp_path):
    shutil.copytree(toy_run[0], tmp_path / "run")
    (tmp_path / "run" / "stages" / "steering.json").unlink()
    for part in (tmp_path / "run" / "parts").glob("steering*/*"):
        part.unlink()
    with opened(settings.toy(), tmp_path / "run", settings.Runtime(device="cpu", quiet=True, threads=1)) as lab:
        lab.workers = workers = Elsewhere(lab)
        vectors = EmotionVectors.load(tmp_path / "run")
        share_steering(lab, vectors.emotions[:3], vectors)
    assert workers.kept and all({"choices", "baseline"} <= kept for kept in workers.kept)
    assert workers.kit.scratch == {}

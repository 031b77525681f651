"""READ FIRST: the whole experiment in its order, on one screen.

    self-checks -> stories, neutral texts -> activations -> vectors, calibration (-> Jacobian lens, if asked for) -> readings
    -> preferences -> correlation -> steering -> record -> report

One run = one folder = one model = one frozen settings object. Every stage leaves its files and a marker in the folder;
a stage that is done is not run again, and a stage that was killed goes on at its last finished piece.
"""

from __future__ import annotations

from pathlib import Path

from emotion_vectors.doctor import Check, examine
from emotion_vectors.experiments.steering.arms import choose_emotions
from emotion_vectors.lab import Lab
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.writers.base import Writer
from emotion_vectors.opening import check_planted, opened
from emotion_vectors.progress import Reporter
from emotion_vectors.report.page import write_report
from emotion_vectors.settings import Runtime, Settings
from emotion_vectors.stages.activations import make_vectors, pool_stories
from emotion_vectors.stages.adopted import check_adopted
from emotion_vectors.stages.analysis import STAGES, Correlated, analyse, correlate
from emotion_vectors.stages.calibration import calibrate
from emotion_vectors.stages.corpus import write_corpus
from emotion_vectors.stages.doctor import check_directions, check_instrument
from emotion_vectors.stages.feels import steer_words
from emotion_vectors.stages.jacobian import check_jacobian, fit_jacobian
from emotion_vectors.stages.preferences import ask_preferences
from emotion_vectors.stages.readings import read_prompts
from emotion_vectors.stages.responses import read_responses
from emotion_vectors.stages.room import check_room
from emotion_vectors.stages.speakers import read_speakers
from emotion_vectors.stages.steering import share_steering, steer_preferences, steered_layers
from emotion_vectors.stimuli import load_pack
from emotion_vectors.store import atomic
from emotion_vectors.store.schema import JsonObject
from emotion_vectors.topics import TOPICS
from emotion_vectors.vectors.file import EmotionVectors

# Where the page comes from: each experiment with its criteria, figures and tables. `analyse` measures those that need no stage.
#   lens         V1 V2    tables pair, vectors, lens
#   scenarios    V3 V4    figure 1; table battery
#   numeric      V5 V6    figures 2, E
#   preferences  V7       table category
#   correlation  V8 V9    figures 3, 5, 7
#   steering     V10 V11  figures 4, 6, 8, A, B, C; tables inversion, arms, steered_category, scale, effects
#   specificity           figure S; table arms
#   words                 figure D; tables sentences, leaks
#   baselines             table words
#   words_out             table left
#   response_position     figure P; table agreement
#   speakers              figure T; table alike
#   geometry              figure G; tables ridge, partial, best, components
#   clusters              figure H; tables agreement, members, layers

# What `run --until STAGE` does: the vectors come with the scores of the neutral texts, which reading other texts needs.
STOPS: dict[str | None, tuple[str, ...]] = {
    "vectors": ("doctor", "stories", "neutral", "activations", "vectors", "calibration")
}


def run_experiment(
    settings: Settings, out: Path, runtime: Runtime = Runtime(), command: str = "", writer: Writer | None = None
) -> JsonObject:
    """Run everything that is not done yet in the folder `out` and return the record (`results.json`).

    With `runtime.until` it stops after that stage and returns an empty record. `writer` replaces the writer that the settings name, for example with one of your own.
    Raises `UserError` with one sentence for anything that the user can fix.
    """
    with opened(settings, out, runtime, command, writer) as lab:
        run = lab.run
        missing = next((stage for stage in STOPS.get(runtime.until, STAGES) if run.lacks(stage)), None)
        if missing:
            run.refuse_cleaned(missing)
            lab.reporter.say(f"Analysis layer {lab.layer}.")
            check_adopted(lab, steered_layers(lab))
            check_room(lab)
            check_jacobian(lab)
            check_instrument(lab)
            write_corpus(lab)
            pool_stories(lab)
            vectors = make_vectors(lab)
            calibrate(lab, vectors)
            check_directions(lab, vectors)
            if runtime.until is not None:
                return {}
            fit_jacobian(lab)
            readings = read_prompts(lab)
            read_responses(lab)
            read_speakers(lab)
            answers = ask_preferences(lab)
            correlated = correlate(lab, vectors, readings, answers)
            runs = steer_preferences(lab, _steered(lab, vectors, correlated), vectors)
            steer_words(lab, vectors)
            analyse(lab, vectors, readings, answers, correlated, runs)
        elif runtime.until is not None:
            lab.reporter.say(f"{out} has its {runtime.until}; nothing is computed again.")
            return {}
        else:
            lab.reporter.say(f"{out} is finished{' and cleaned' if run.cleaned() else ''}; nothing is computed again.")
        record = atomic.read_json(run / "results.json")
        if not run.done("report"):
            files = write_report(run.path, record, TOPICS)
            run.finish("report", [str(file.relative_to(run.path)) for file in files], 0.0, len(files), "files")
    return record


def help_experiment(settings: Settings, out: Path, runtime: Runtime) -> None:
    """As shard 2 or later of `runtime.shard`: do this shard's pieces of the run in `out`, then come back.

    Between them it waits for shard 1, which runs `run_experiment` and finishes the stages.
    """
    with opened(settings, out, runtime) as lab:
        if not any(lab.run.lacks(stage) for stage in STOPS.get(runtime.until, STAGES)):
            lab.reporter.say(f"{out} has nothing left for shard {runtime.shard[0]}.")
            return
        lab.finished("doctor")
        write_corpus(lab)
        pool_stories(lab)
        vectors = make_vectors(lab)
        if runtime.until is not None:
            return
        readings, answers = read_prompts(lab), ask_preferences(lab)
        if steered := _steered(lab, vectors, correlate(lab, vectors, readings, answers)):
            share_steering(lab, steered, vectors)


def _steered(lab: Lab, vectors: EmotionVectors, correlated: Correlated) -> tuple[str, ...]:
    """The emotions to steer, in order of priority; none where they are too few."""
    return choose_emotions(
        lab.settings.steered_emotions,
        lab.settings.steered_count,
        vectors.emotions,
        lab.pack.steered_emotions,
        correlated.found.r,
    )


def examine_model(settings: Settings, runtime: Runtime = Runtime()) -> list[Check]:
    """The self-checks of the settings' model and stimuli alone, without a run folder; nothing is written."""
    check_planted(settings)
    pack = load_pack(settings.stimuli)
    lm = load_model(settings.model, runtime.device, settings.dtype, runtime.cache, settings.quantize, settings.adapter)
    return examine(lm, pack, settings.layer, Reporter(runtime.quiet))

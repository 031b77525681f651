"""Settings of the texts and ratings that can be no run, found before anything is loaded: no PyTorch, no model."""

from __future__ import annotations

from pathlib import Path

from emotion_vectors.corpus import shipped
from emotion_vectors.corpus.dialogues import WRITE, read_dialogues
from emotion_vectors.corpus.survey import Imports, look_into
from emotion_vectors.errors import UserError
from emotion_vectors.settings import Settings
from emotion_vectors.stimuli import load_pack
from emotion_vectors.stimuli.norms import SCALES, read_norms
from emotion_vectors.stimuli.pack import Pack


def check_inputs(settings: Settings) -> None:
    """Read the pack and the corpora that the settings name; `UserError` for what a run would refuse in them."""
    pack = load_pack(settings.stimuli)
    check_sources(settings, pack)
    check_norms(settings, pack)
    check_dialogues(settings, pack)
    check_jacobian_texts(settings, look_into(settings, pack, lambda said: None))


def check_sources(settings: Settings, pack: Pack) -> None:
    """Refuse settings of the texts' source that contradict each other, before anything is made."""
    if settings.writer == "server" and settings.server_model is None:
        raise UserError("writer=server needs the model's name at the server: --set server_model=NAME.")
    if settings.writer != "server" and settings.server_model is not None:
        raise UserError("server_model is set but the writer is not a server; add --set writer=server, or leave it out.")
    if settings.writer == "server":
        something_to_write(settings, "the server")
    if settings.skip_unknown_emotions and settings.stories_from is None:
        raise UserError("--skip-unknown-emotions needs stories to import: --stories FILE.")
    if settings.emotions_from == "corpus" and settings.stories_from is None:
        raise UserError("--emotions-from corpus needs stories to import: --stories FILE.")
    if settings.emotions_from == "corpus" and settings.skip_unknown_emotions:
        raise UserError(
            "--emotions-from corpus keeps emotions that the pack lacks and --skip-unknown-emotions leaves them out; give one of the two."
        )
    if settings.text_column is not None and {settings.stories_from, settings.neutral_from} <= {None, shipped.NAME}:
        raise UserError(
            "--text-column names a column of imported texts, but no texts are imported from a file; add --stories FILE or --neutral FILE."
        )
    if settings.stories_from is None and settings.topics > len(pack.topics):
        raise UserError(f"The pack has {len(pack.topics)} topics, but topics={settings.topics}; ask for fewer.")


def check_norms(settings: Settings, pack: Pack) -> None:
    """Refuse a file of ratings that can't be read, or that rates none of the emotions, before anything is loaded."""
    if settings.norms is None:
        return
    found = read_norms(Path(settings.norms))
    if not any(len(found.of(pack.emotions, scale)[0]) for scale in SCALES):
        raise UserError(
            f"{settings.norms} rates none of the {len(pack.emotions)} emotions; give norms of words like '{pack.emotions[0]}'."
        )


def check_dialogues(settings: Settings, pack: Pack) -> None:
    """Refuse dialogues that can't be read, or are too few, before anything is loaded."""
    if settings.dialogues == WRITE:
        from emotion_vectors.corpus.speaking import cells_of  # which loads torch

        cells_of(pack, pack.subset[: settings.emotions], settings.dialogue_emotions, settings.seed)
    elif settings.dialogues is not None:
        read_dialogues(settings.dialogues, pack)


def check_jacobian_texts(settings: Settings, imports: Imports) -> None:
    """Refuse a Jacobian lens of one text, which has no halves to compare, and of more neutral texts than a run can have."""
    asked = settings.jacobian_texts
    most = settings.neutral_texts if imports.neutral is None else imports.neutral.texts.total()
    if asked == 1:
        raise UserError(
            "jacobian_texts=1 leaves no second half to estimate the lens's error from; ask for 2 or more, or for 0."
        )
    if asked > most:
        raise UserError(
            f"jacobian_texts={asked} asks for more than the {most} neutral texts of this run; ask for fewer, or for more neutral_texts."
        )


def is_written(settings: Settings) -> bool:
    """Whether the run writes any text: stories, neutral texts or dialogues."""
    return settings.stories_from is None or settings.neutral_from is None or settings.dialogues == WRITE


def something_to_write(settings: Settings, who: str) -> None:
    """Refuse a writer that somebody asked for where all texts are imported: its texts would silently not be there."""
    if not is_written(settings):
        raise UserError(
            f"Nothing is left for {who} to write: the stories are those of '{settings.stories_from}' and the neutral texts those of "
            f"'{settings.neutral_from}'; add --set stories_from=none --set neutral_from=none to have them written."
        )

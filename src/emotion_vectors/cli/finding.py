"""`emotion-vectors steer --find-strength`: up to which strength the answers stay whole, emotion by emotion."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from emotion_vectors.cli.shown import plain_text
from emotion_vectors.errors import UserError

if TYPE_CHECKING:
    from emotion_vectors.lm.decode import Touched
    from emotion_vectors.lm.model import LanguageModel
    from emotion_vectors.lm.sampling import Sampling
    from emotion_vectors.vectors.file import EmotionVectors
    from emotion_vectors.vectors.strength import Strength


class Finding(NamedTuple):
    """What the answers are written to, and how."""

    prompt: str
    system: str
    layer: int
    tokens: Touched
    sampling: Sampling
    samples: int
    seed: int


def require_findable(strengths: Mapping[str, float], layers: Sequence[int]) -> None:
    """Refuse what the finder can't try, before a model is loaded."""
    if len(layers) > 1:
        raise UserError(f"--find-strength tries one layer at a time; give one of {', '.join(map(str, layers))}.")
    for name, strength in strengths.items():
        if not strength:
            raise UserError(f"{name}=0 has no direction to try; write --emotion {name}, or {name}=-1 for its opposite.")


def tell(
    vectors: EmotionVectors,
    lm: LanguageModel,
    strengths: Mapping[str, float],
    how: Finding,
    as_json: bool,
    say: Callable[[str], None],
) -> None:
    """Measure each emotion on its own and print the strengths; `say` gets what is under way."""
    from emotion_vectors.vectors.strength import LENGTHS, find_strengths

    signs = {name: 1.0 if strength > 0 else -1.0 for name, strength in strengths.items()}
    found = find_strengths(
        vectors, lm, how.prompt, [{name: sign} for name, sign in signs.items()], layer=how.layer, tokens=how.tokens, system=how.system,
        sampling=how.sampling, samples=how.samples, seed=how.seed,
    )  # fmt: skip
    measured: dict[str, Strength] = {}
    for number, name in enumerate(signs, start=1):
        say(f"Trying {len(LENGTHS)} strengths of {name} ({number} of {len(signs)}) ...")
        measured[name] = next(found)
    if as_json:
        print(json.dumps(_plain(vectors, lm, signs, measured, how), indent=1))
        return
    _show(vectors, lm, signs, measured, how)


def _plain(
    vectors: EmotionVectors, lm: LanguageModel, signs: Mapping[str, float], measured: Mapping[str, Strength], how: Finding
) -> dict[str, object]:  # fmt: skip
    """Everything that was tried, as plain values."""
    from emotion_vectors.vectors.strength import MOST_LOST, MOST_REPEATED

    return {
        "model": lm.name, "prompt": how.prompt, "system": how.system, "layer": how.layer, "residual_norm": float(vectors.residual_norm[how.layer]),
        "tokens": how.tokens, "samples": how.samples, "seed": how.seed, "temperature": how.sampling.temperature,
        "max_tokens": how.sampling.max_new_tokens, "most_lost": MOST_LOST, "most_repeated": MOST_REPEATED,
        "emotions": {
            name: {
                "strength": signs[name] * one.found, "random": one.by_chance,
                "steered_tried": [probe._asdict() for probe in one.steered], "random_tried": [probe._asdict() for probe in one.random],
            }
            for name, one in measured.items()
        },
    }  # fmt: skip


def _show(
    vectors: EmotionVectors, lm: LanguageModel, signs: Mapping[str, float], measured: Mapping[str, Strength], how: Finding
) -> None:  # fmt: skip
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from emotion_vectors.report.wording import count
    from emotion_vectors.vectors.strength import LENGTHS, MOST_LOST, MOST_REPEATED

    console = Console(highlight=False)
    console.print(
        Text(
            plain_text(
                f"{lm.name}, layer {how.layer}, {how.tokens} tokens, in mean residual norms ({vectors.residual_norm[how.layer]:.3g}); "
                f"{count(how.samples, 'answer')} of up to {how.sampling.max_new_tokens} tokens each, seed {how.seed}"
            )
        )
    )
    table = Table("emotion", "largest whole strength", "random direction, same length", box=box.SIMPLE_HEAD)
    for name, one in measured.items():
        table.add_row(Text(plain_text(name)), _strength(signs[name] * one.found), _strength(one.by_chance))
    console.print(table)
    console.print(
        Text(
            f"Tried: {', '.join(f'{length:g}' for length in LENGTHS)}. An answer is whole if it is at most {MOST_LOST:g} nat per "
            "token less likely under the unsteered model than "
            f"the unsteered answers are, and has at most {100 * MOST_REPEATED:.0f} percentage points more repeated token triples. "
            "This result is for this prompt only.",
            style="dim",
        ),
        soft_wrap=True,
    )
    if caution := vectors.caution():
        console.print(Text(caution, style="yellow"), soft_wrap=True)


def _strength(found: float) -> str:
    return f"{found:g}" if found else "none of those tried"

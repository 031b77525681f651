"""The control arms of the steering experiment, a row for each; how their directions are made is in `stages.control_vectors`.

The plan, the effects, the verdicts' nulls, the checks, the sentences and the tables all go through this table, so a new arm
is a row here and a function there. A row's place is its place in the record and on the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple


class ControlArm(NamedTuple):
    """One kind of control direction, of the same norm as the emotion vectors."""

    kind: str  # in files and in the record
    title: str  # the row of the table of arms
    plural: str  # in sentences, as in "random directions"
    short: str  # before the word "directions"
    setting: Literal["random_directions", "shuffled_vectors"] | None = None  # says how many; None: one direction
    is_null: bool = False  # the effects of V10 and V11 must go beyond it
    is_empty: bool = False  # holds nothing of an emotion
    # Made from the same stories with their labels shuffled: each emotion would get a mixture of its own.
    is_relabelled: bool = False
    is_later: bool = False  # came after the others: a record of an older run may lack it


ARMS = (
    ControlArm("random", "Random directions", "random directions", "random", "random_directions", is_null=True, is_empty=True),
    ControlArm(
        "orthogonal", "Random directions at right angles to all emotion vectors", "directions at right angles to all emotions",
        "orthogonal", "random_directions", is_null=True, is_empty=True,
    ),
    ControlArm(
        "shuffled", "Vectors from stories with shuffled labels", "vectors of shuffled labels", "shuffled-label",
        "shuffled_vectors", is_null=True, is_relabelled=True,
    ),
    ControlArm("mean", "What all emotions have in common", "what all emotions have in common", "common"),
)  # fmt: skip

CONTROLS = tuple(arm.kind for arm in ARMS)
NULL_ARMS = tuple(arm for arm in ARMS if arm.is_null)
NULLS = tuple(arm.kind for arm in NULL_ARMS)
RELABELLED = tuple(arm.kind for arm in ARMS if arm.is_relabelled)

# The record takes these names and no others.
if TYPE_CHECKING:
    Control = Null = str
else:
    Control, Null = Literal[CONTROLS], Literal[NULLS]

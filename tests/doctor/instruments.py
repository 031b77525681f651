"""What the tests of the self-checks share."""

import dataclasses

from emotion_vectors.stimuli import load_pack

PACK = load_pack()


# One activity of each category: all that a planted bug needs in a quarter of the prompts.
FEW = dataclasses.replace(PACK, activities=tuple({one.category: one for one in PACK.activities}.values()))


def red(checks):
    return {check.name for check in checks if not check.passed}

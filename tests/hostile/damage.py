"""Damage for readers to survive: flipped, cut, doubled and foreign bytes, and JSON whose parts have become something else."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ODD = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 1e308, -0.0, 0.5, "", " ", "x", "\x00", "\x1b[31mred", "\ud800",
    "../../etc/passwd", "/etc/passwd", "{emotion}", "{0.__class__}", "%s", "<script>alert(1)</script>", "NaN", "happy", "💥" * 50,
    "a" * 5000, [], {}, [[]], [None], {"": ""}, {"a": {"b": {}}}, [0] * 50, ["x"] * 50,
)  # fmt: skip


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """`data` after one to four pieces of damage."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(7)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            del changed[at : at + chance.randint(1, 64)]
        elif kind == 3:
            changed[at:at] = chance.randbytes(chance.randint(1, 64))
        elif kind == 4:
            changed[at:at] = changed[at : at + chance.randint(1, 256)]
        elif kind == 5 and len(changed) > 8:
            place = at % (len(changed) - 8)
            changed[place : place + 8] = chance.choice((b"\xff" * 8, b"\x00" * 8, (2**62).to_bytes(8, "little")))
        elif changed:
            changed[at % len(changed)] = chance.randrange(256)
    return bytes(changed)


def damaged_value(value: Any, chance: random.Random) -> Any:
    """A copy of a JSON value in which one to three parts are gone, doubled, or something odd."""
    value = copy.deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        value = _one(value, chance)
    return value


def _one(value: Any, chance: random.Random) -> Any:
    inside = isinstance(value, dict | list) and len(value) > 0
    if not inside or chance.random() < 0.15:
        return copy.deepcopy(chance.choice(ODD))
    key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    kind = chance.random()
    if kind < 0.12:
        del value[key]
    elif kind < 0.2 and isinstance(value, list):
        value.insert(key, copy.deepcopy(value[chance.randrange(len(value))]))
    elif kind < 0.25 and isinstance(value, dict):
        value[str(chance.choice(ODD))[:20]] = copy.deepcopy(chance.choice(ODD))
    else:
        value[key] = _one(value[key], chance)
    return value


def damaged_json(data: bytes, chance: random.Random) -> bytes:
    """A JSON file with damaged parts, or now and then with damaged bytes."""
    if chance.random() < 0.25:
        return damaged_bytes(data, chance)
    value = damaged_value(json.loads(data), chance)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


def damaged_lines(data: bytes, chance: random.Random) -> bytes:
    """A file of JSON lines of which one is damaged."""
    lines = data.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    lines[place] = damaged_json(lines[place], chance) + b"\n"
    return b"".join(lines)

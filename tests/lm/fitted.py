"""Jacobians of a tiny model."""

import torch

from emotion_vectors.lm import jacobian
from emotion_vectors.lm.memory import Room

IDS = torch.randint(2, 500, (31,), generator=torch.Generator().manual_seed(3)).tolist()


def fitted(lm, layer, ids=IDS, size=70, **more):
    return jacobian.jacobian_of(lm, ids, layer, Room(size, "tokens", "reading", lm.device, **more))

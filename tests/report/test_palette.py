"""Colours: fixed, and apart for colour-blind eyes."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from emotion_vectors.report.palette import CATEGORY_COLOURS, EMOTION_COLOURS, VALENCE_COLOURS
from report.drawing import _rgb


def _protan_deutan(colour: str) -> list[np.ndarray]:
    # Machado, Oliveira and Fernandes 2009, severity 1.0, in linear RGB.
    linear = np.array([((v / 255 + 0.055) / 1.055) ** 2.4 if v > 10 else v / 255 / 12.92 for v in _rgb(colour)])
    protan = np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    )
    deutan = np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    )
    return [np.clip(matrix @ linear, 0, 1) ** (1 / 2.2) for matrix in (protan, deutan)]


def test_colours_stay_apart_for_colour_blind_eyes() -> None:
    for colours in (tuple(EMOTION_COLOURS.values()), tuple(VALENCE_COLOURS.values()), CATEGORY_COLOURS):
        for a, b in combinations(colours, 2):
            distances = [np.linalg.norm(x - y) for x, y in zip(_protan_deutan(a), _protan_deutan(b), strict=True)]
            assert min(distances) > 0.08, (a, b)

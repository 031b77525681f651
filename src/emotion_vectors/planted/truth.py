"""The truth about a planted model: an ordinary transformers model whose answer to the whole experiment is known.

Emotion e has the direction d_e = valence_e u + w_e (with contraction also sign(valence_e) sqrt|valence_e| q); the w
are orthonormal and orthogonal to the value axis u, the axis p and the push axis q. Story words of e carry d_e, so
emotion vectors are d_e minus the mean over emotions. Activities carry value along u, an idiosyncratic taste along p,
and chatter along the w.

    logit A - logit B = score(a) - score(b) + position bias,   score = effect * value + taste   (nats)

`effect` scales the causal link of u with the choice; 0 cuts it and leaves the taste. `contraction` cuts it too, but
keeps the value in the score through p, and lets vectors along q shrink all logit differences. `structure=False`
takes away the rest (valence, lens, meaning of scenarios and numbers, voice): nothing is there to be found.

The model writes its own texts: invented words that mean nothing, and after a story prompt mostly words of the emotion that it
names. A push along w_e makes it write words of e as well: their logit rises by `content.WORD` times a ramp (`circuit.VOICE`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from emotion_vectors.planted import circuit
from emotion_vectors.planted.content import NumericPlan

GAIN = 2.0  # nats of preference per unit of mean value along u
U, P, Q, FIRST_W = 0, 1, 2, 3  # axes of the emotion block at the analysis layer
DECIMALS = 4  # of a weight that count in the fingerprint: another machine's arithmetic differs beyond


@dataclass(frozen=True)
class Planted:
    """The model, its tokenizer, and the truth. Shapes: n emotions, a activities, l layers, d residual width."""

    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    emotions: tuple[str, ...]
    activities: tuple[str, ...]
    scenarios: Mapping[str, str]
    numeric: tuple[NumericPlan, ...]
    analysis_layer: int
    directions: np.ndarray
    """(l, n, d): d_e minus the mean over emotions, after each block; they differ from block to block."""
    valences: np.ndarray
    """(n,): component of the centred direction along the value axis; its sign is that of the steering effect."""
    values: np.ndarray
    """(a,) nats: part of an activity's value that lies along the value axis."""
    scores: np.ndarray
    """(a,) nats: what the choice between two activities is made of, unsteered."""
    readout: np.ndarray
    """(d,) nats per unit: gradient of an activity's score in the mean residual of its tokens, analysis layer."""
    push: np.ndarray | None
    """(d,): vectors along this axis shrink logit differences; only with contraction."""
    position_bias: float
    """nats: logit A - logit B of two equal activities."""
    axes: np.ndarray
    """(n, d): w_e at the analysis layer, along which a push brings words of e; zeros without structure."""
    story_words: Mapping[str, tuple[str, ...]]
    filler: tuple[str, ...]

    def direction(self, emotion: str, layer: int | None = None) -> np.ndarray:
        """(d,) the centred planted direction of `emotion` after block `layer` (analysis layer by default)."""
        return self.directions[self.analysis_layer if layer is None else layer, self.emotions.index(emotion)]

    def expected_effect(self, vector: np.ndarray) -> float:
        """Nats by which adding `vector` (d,) to all tokens of one activity raises its score (not with contraction)."""
        return float(self.readout @ np.asarray(vector, dtype=float))

    def expected_difference(
        self, a: int, b: int, added_a: np.ndarray | None = None, added_b: np.ndarray | None = None
    ) -> float:
        """Logit A - logit B in nats of (A) activity a, (B) activity b, with vectors added at the analysis layer."""
        nothing = np.zeros_like(self.readout)
        first, second = (nothing if added is None else np.asarray(added, float) for added in (added_a, added_b))
        difference = self.scores[a] - self.scores[b] + self.readout @ (first - second)
        if self.push is not None:
            bend = circuit.SHARPNESS * (self.push @ (first + second)) / 2
            difference *= 1 - circuit.CONTRACTION / circuit.SHARPNESS * bend / (1 + np.exp(-bend))
        return float(difference + self.position_bias)

    def expected_voice(self, vector: np.ndarray) -> np.ndarray:
        """(n,) in 0 to 1: how far adding `vector` (d,) at the analysis layer brings the words of each emotion."""
        low, high = circuit.VOICE
        return np.clip((self.axes @ np.asarray(vector, dtype=float) - low) / (high - low), 0, 1)

    @property
    def sha256(self) -> str:
        """SHA-256 of all weights, by name, rounded to four decimals: the same on every machine."""
        digest = hashlib.sha256()
        for name, parameter in sorted(self.model.state_dict().items()):
            # Adding 0 turns -0.0 into 0.0.
            digest.update(name.encode() + (np.round(parameter.numpy(), DECIMALS) + np.float32(0)).tobytes())
        return digest.hexdigest()

"""The model provider: messages in, an answer steered by emotion vectors out, with what the vectors read in every message.

It is separate from Inspect's own Hugging Face provider and not built on it: that one loads by AutoModel and writes by `generate`, with one random
generator for a batch. This one loads as the rest of the package does (GGUF, quantised, adapters, hashes) and writes by `lm.decode`, where
a text depends on its own prompt, seed and vectors, not on what shares its batch.

Readings are taken without steering: what the words alone say, comparable among strengths. A steered pass would show the added vector itself.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.to_thread
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
)  # fmt: skip
from inspect_ai.solver._task_state import sample_state
from inspect_ai.tool import ToolChoice, ToolInfo
from rich.text import Text

from emotion_vectors.errors import UserError
from emotion_vectors.inspecting.asked import asked_arguments, asked_sampling
from emotion_vectors.inspecting.readings import Reading, read_chats
from emotion_vectors.lm.chat_format import Chat
from emotion_vectors.lm.decode import Decoded, Row, decode
from emotion_vectors.lm.finite import require_addable
from emotion_vectors.lm.limits import context_of, require_room
from emotion_vectors.lm.messages import converse
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.sampling import Sampling
from emotion_vectors.lm.writers.base import read_text
from emotion_vectors.transcripts.inspect_logs import house_message
from emotion_vectors.vectors.file import EmotionVectors
from emotion_vectors.vectors.layers import parse_layers
from emotion_vectors.vectors.loading import load_model_of
from emotion_vectors.vectors.steering import Addition
from emotion_vectors.vectors.writing import random_like

GATHER = 0.05  # seconds in which calls that Inspect makes at the same time come together
MOST_NEW = 2048  # tokens of an answer where nobody says how many, or half the context


@dataclass(eq=False)
class _Call:
    """One call of Inspect that waits for its answers, one for each of `seeds`."""

    chat: Chat
    ids: tuple[int, ...]
    sampling: Sampling
    seeds: list[int]
    stops: list[str]
    output: ModelOutput | None = None
    error: Exception | None = None
    began: float = field(default_factory=time.monotonic)


class SteeredAPI(ModelAPI):
    """`emotion-vectors/MODEL`: MODEL is what `load_model` takes, or `own` for the model that the vectors come from."""

    def __init__(
        self, model_name: str, base_url: str | None = None, api_key: str | None = None, config: GenerateConfig = GenerateConfig(),
        **model_args: Any,
    ) -> None:  # fmt: skip
        super().__init__(model_name, base_url, api_key, [], config)
        try:
            self._open(model_name, config, model_args)
        except UserError as error:
            raise PrerequisiteError(Text(str(error))) from error  # what Inspect shows without a traceback
        self._waiting: list[_Call] = []
        self._lock = anyio.Lock()
        self._asked_before: Counter[tuple[str, str]] = Counter()

    def _open(self, model_name: str, config: GenerateConfig, model_args: dict[str, Any]) -> None:
        """Check what is asked, then load the vectors and the model."""
        self.asked = asked = asked_arguments(model_args)
        asked_sampling(config, MOST_NEW)
        self.vectors = vectors = EmotionVectors.load(asked.vectors)
        self.layers = (
            [vectors.layer] if asked.layers is None else parse_layers(asked.layers, len(vectors.raw), vectors.layers)
        )
        self.emotions = vectors.emotions if asked.emotions is None else asked.emotions
        for name in (*self.emotions, *asked.steer):
            vectors.index(name)
        self.additions = self._additions()  # a mistake is told before the model is loaded
        say = logging.getLogger(__name__).warning
        self.lm: LanguageModel = load_model_of(
            vectors.header, asked.device, None if model_name == "own" else model_name, asked.quantize, asked.adapter, others=True,
            remedy="name the right one after emotion-vectors/", say=say,
        )  # fmt: skip
        vectors.check_fits(self.lm)
        for added in self.additions:
            require_addable(added.vector, self.lm.dtype)
        if said := vectors.caution():
            say(said)
        same = self.lm.sha256 == vectors.header.get("model_sha256")
        self.calibration = vectors.calibration if same else None
        self.context = context_of(self.lm)

    def _additions(self) -> list[Addition]:
        strengths = {name: strength for name, strength in self.asked.steer.items() if strength}
        if not strengths:
            return []
        added = self.vectors.additions(strengths, self.layers)
        return added if self.asked.control is None else random_like(added, self.asked.control)

    def max_connections(self) -> int:
        """The batch size: how many calls Inspect makes at a time."""
        return self.asked.batch_size

    def collapse_user_messages(self) -> bool:
        """Many templates refuse two messages of the user in a row."""
        return True

    async def count_text_tokens(self, text: str) -> int:
        """By the model's own tokenizer; Inspect would fetch another one from the network."""
        return len(self.lm.tokenizer(text, add_special_tokens=False)["input_ids"])

    def close(self) -> None:
        """Let the model go."""
        self.lm = None  # type: ignore[assignment]
        gc.collect()

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """The steered answer. Raises `UserError` for tools, for content that is not text, and for settings that can't be honoured."""
        call = self._call(input, tools, config)
        self._waiting.append(call)
        try:
            await anyio.sleep(GATHER)
            async with self._lock:
                if call.output is None and call.error is None:
                    batch = self._batch(call)
                    await anyio.to_thread.run_sync(self._answer, batch)
        finally:
            if call in self._waiting:
                self._waiting.remove(call)
        if call.error is not None:
            raise call.error
        assert call.output is not None
        return call.output

    def _batch(self, first: _Call) -> list[_Call]:
        """`first` and those that wait with the same sampling, up to the batch size in texts; they wait no more."""
        batch, texts = [first], len(first.seeds)
        for call in self._waiting:
            if (
                call is not first
                and call.sampling == first.sampling
                and texts + len(call.seeds) <= self.asked.batch_size
            ):
                batch.append(call)
                texts += len(call.seeds)
        self._waiting = [call for call in self._waiting if call not in batch]
        return batch

    def _call(self, input: Sequence[ChatMessage], tools: Sequence[ToolInfo], config: GenerateConfig) -> _Call:
        """What is to be written, checked on the call alone, so that a call that can't be answered stops no other."""
        if tools:
            raise UserError(
                f"emotion-vectors can't call tools ({', '.join(tool.name for tool in tools)[:200]}); run a task without tools, or read its logs "
                "with emotion-vectors read."
            )
        most = MOST_NEW if self.context is None else min(MOST_NEW, self.context // 2)
        sampling = asked_sampling(config, most)
        chat = [house_message(message.model_dump(exclude_none=True)) for message in input]
        if not chat or chat[-1]["role"] == "assistant":
            raise UserError(
                "The messages must end with one that asks for an answer; emotion-vectors can't continue an assistant's message."
            )
        prompt = converse(self.lm, chat, any_length=True)
        if any(prompt.other_parts):
            raise UserError(
                "The messages have pictures, sounds or files, which emotion-vectors can't give to a model; run a task of texts."
            )
        require_room(self.lm, len(prompt.ids), sampling.max_new_tokens, "The prompt")
        seeds = self._seeds(prompt.ids, config.seed or 0, config.num_choices or 1)
        return _Call(chat, prompt.ids, sampling, seeds, [stop for stop in config.stop_seqs or [] if stop])

    def _seeds(self, ids: Sequence[int], seed: int, choices: int) -> list[int]:
        """A seed for each choice from seed, prompt, epoch and how often a sample asked this before; the same at every strength."""
        state = sample_state()
        prompt = hashlib.sha256(repr(tuple(ids)).encode()).hexdigest()
        who = ("", prompt) if state is None else (state.uuid, prompt)
        before, epoch = self._asked_before[who], 1 if state is None else state.epoch
        self._asked_before[who] += 1
        names = (f"{seed} {epoch} {before} {choice} {prompt}" for choice in range(choices))
        return [int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") for name in names]

    def _answer(self, calls: Sequence[_Call]) -> None:
        """Write and read the answers of all `calls` in one batch; what goes wrong is raised by each of them."""
        try:
            vectors = {layer: vector for layer, vector in self.additions}
            rows = [Row(call.ids, seed, vectors, self.asked.tokens) for call in calls for seed in call.seeds]
            written = iter(decode(self.lm, rows, calls[0].sampling))
            drawn = [
                [
                    _cut(read_text(self.lm, one.tokens), one, call.stops)
                    for _, one in zip(call.seeds, written, strict=False)
                ]
                for call in calls
            ]
            chats = [
                [*call.chat, {"role": "assistant", "content": text}]
                for call, texts in zip(calls, drawn, strict=True)
                for text, _, _ in texts
            ]
            readings = iter(read_chats(self.vectors, self.lm, chats, self.emotions, self.calibration))
            for call, texts in zip(calls, drawn, strict=True):
                call.output = self._output(call, texts, [next(readings) for _ in texts])
        except Exception as error:
            for call in calls:
                call.error = error

    def _output(
        self, call: _Call, texts: Sequence[tuple[str, str, int]], readings: Sequence[Sequence[Reading]]
    ) -> ModelOutput:
        choices = [
            ChatCompletionChoice(
                message=ChatMessageAssistant(content=text, model=self.model_name, source="generate"), stop_reason=reason,  # type: ignore[arg-type]
            )
            for text, reason, _ in texts
        ]  # fmt: skip
        asked, written = self.asked, sum(count for _, _, count in texts)
        about = {
            "steer": asked.steer, "control": None if asked.control is None else f"random:{asked.control}", "layers": self.layers,
            "tokens": asked.tokens, "temperature": call.sampling.temperature, "top_p": call.sampling.top_p, "seeds": call.seeds,
            "vectors": {"fingerprint": self.vectors.header.get("fingerprint"), "caution": self.vectors.caution()},
            "model_sha256": self.lm.sha256, "read_at_layer": self.vectors.layer,
            "neutral_texts": self.calibration.texts if self.calibration else 0,
            "readings": readings[0] if len(readings) == 1 else readings,
        }  # fmt: skip
        usage = ModelUsage(input_tokens=len(call.ids), output_tokens=written, total_tokens=len(call.ids) + written)
        return ModelOutput(
            model=self.model_name,
            choices=choices,
            usage=usage,
            time=time.monotonic() - call.began,
            metadata={"emotion_vectors": about},
        )


def _cut(text: str, written: Decoded, stops: Sequence[str]) -> tuple[str, str, int]:
    """A text up to the first of `stops`, why it ends there, and how many tokens were written for it."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    if ends:
        return text[: min(ends)], "stop", len(written.tokens)
    return text, "stop" if written.finished else "max_tokens", len(written.tokens)

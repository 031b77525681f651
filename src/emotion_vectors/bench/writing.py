"""The writing job: the writer of a run, `model.generate` at its best batch size, and every other engine that is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import numpy as np

from emotion_vectors.bench import limit, plain, samples
from emotion_vectors.bench.outcome import outcome
from emotion_vectors.bench.samples import Case
from emotion_vectors.bench.timing import Lap, Way, race
from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import WRITERS
from emotion_vectors.lm.writers.base import Engine, Options, Request, Sampling, end_tokens
from emotion_vectors.lm.writers.choosing import choose_writer, facts_of, kind_of, make_writer
from emotion_vectors.lm.writers.openvino_writer import generation_config, load_tokenizer, start_pipeline
from emotion_vectors.lm.writers.readable_gguf import readable_gguf
from emotion_vectors.store.schema import JsonObject

WARM_UP_TOKENS = 4


def writing(case: Case) -> JsonObject:
    """New tokens per second; the reading of the prompts is part of the time, loading the engine is not."""
    lm, sizes = case.lm, case.sizes
    asked, sampling = samples.requests(case, sizes.requests), samples.sampling(case, sizes.new_tokens)
    chosen = choose_writer(case.settings.writer, facts_of(lm))
    if kind_of(chosen).is_remote:
        raise UserError(
            "A server is another machine and can't be timed here; use another --set writer=... for the bench."
        )
    with ExitStack() as open_engines:
        engines, missing = _engines(case, chosen, asked, open_engines)
        passes = len(sizes.generate_batches) + (1 + len(engines)) * sizes.rounds
        stage = open_engines.enter_context(case.reporter.stage("Writing", passes, "passes"))
        tried = _batch_sizes(case, asked, stage.advance)
        best = max(tried, key=lambda batch: tried[batch])
        ways: dict[str, Way] = {name: _way(write, asked, sampling) for name, write in engines.items()}
        ways["generate"] = _way(_generate(case, best), asked, sampling)
        # Everything has run once by now.
        raced = race(ways, sizes.rounds, advance=stage.advance, warm_up={})
    together = min(case.runtime.stories_per_batch, len(asked))
    context = float(np.mean([len(one.prompt_ids) for one in asked])) + sampling.max_new_tokens / 2
    bound = limit.writing_limit(lm, together, context, kind_of(chosen).bytes_per_weight or float(lm.dtype.itemsize))
    rows = {name: {"rate": one.rate, "rates": one.rates} for name, one in raced.items()}
    return outcome(
        "writing", raced[chosen], raced["generate"], f"model.generate with left-padded batches of {best}, its best size",
        {"rate": bound.rate, "what": bound.binds, "weight_streaming": bound.streaming, "matrix_rate": bound.matrices},
        {"reason": "texts are drawn at random, so no numbers can be compared; every engine's own tokens are counted"},
        engine=chosen, engines=rows | {name: {"rate": None, "rate_reason": why} for name, why in missing.items()},
        generate_batches={str(batch): rate for batch, rate in tried.items()},
        sample={"requests": len(asked), "new_tokens": sizes.new_tokens, "together": together},
    )  # fmt: skip


Write = Callable[[Sequence[Request], Sampling], Lap]
"""Writes texts; the lap's units are their tokens, its seconds leave out the start of an engine."""


def _engines(
    case: Case, chosen: str, asked: Sequence[Request], until: ExitStack
) -> tuple[dict[str, Write], dict[str, str]]:
    """Every engine that can serve this model here, warmed up, and why the others can't; the chosen one has to.

    Engines that hold memory of their own are closed when `until` ends.
    """
    found: dict[str, Write] = {}
    missing: dict[str, str] = {}
    options = Options(case.runtime.stories_per_batch, case.reporter.say, case.runtime.cache)
    for name in (name for name in WRITERS if not kind_of(name).is_remote):
        try:
            writer = make_writer(case.lm, name, options)
            until.callback(writer.close)
            write = _by_writer(writer)
            write(asked[:2], samples.sampling(case, WARM_UP_TOKENS))
        except UserError as error:
            if name == chosen:
                raise
            missing[name] = str(error)
        else:
            found[name] = write
    if "openvino" in found:
        found["openvino-genai alone"] = _openvino_alone(case)
        found["openvino-genai alone"](asked[:2], samples.sampling(case, WARM_UP_TOKENS))
    return found, missing


def _by_writer(writer: Engine) -> Write:
    def write(requests: Sequence[Request], sampling: Sampling) -> Lap:
        begun, starting = time.perf_counter(), writer.start_seconds
        tokens = sum(written.tokens for written in writer.write(requests, sampling))
        return Lap(tokens, None, time.perf_counter() - begun - (writer.start_seconds - starting))

    return write


def _generate(case: Case, batch: int) -> Write:
    ends = end_tokens(case.lm)
    return lambda requests, sampling: Lap(sum(map(len, plain.writing(case.lm, requests, sampling, batch, ends))), None)


def _way(write: Write, requests: Sequence[Request], sampling: Sampling) -> Way:
    return lambda: write(requests, sampling)


def _batch_sizes(case: Case, asked: Sequence[Request], advance: Callable[[float], None]) -> dict[int, float]:
    """Tokens per second of `model.generate` by batch size: one batch of half the tokens each, after a warm-up."""
    found = {}
    for batch in case.sizes.generate_batches:
        if batch > len(asked):
            continue
        write = _generate(case, batch)
        write(asked[:2], samples.sampling(case, WARM_UP_TOKENS))
        way = _way(write, asked[:batch], samples.sampling(case, max(1, case.sizes.new_tokens // 2)))
        found[batch] = race({"generate": way}, 1, warm_up={})["generate"].rate
        advance(1)
    return found


def _openvino_alone(case: Case) -> Write:
    """openvino-genai's own `generate` on all requests at once: what our writer could reach at best with this engine."""
    import openvino

    if case.lm.gguf is None:
        raise RuntimeError("openvino-genai served a model without a GGUF file")
    path = readable_gguf(case.lm.gguf, case.runtime.cache)
    pipeline = start_pipeline(path, load_tokenizer(path), case.runtime.stories_per_batch)
    ends = end_tokens(case.lm)

    def write(requests: Sequence[Request], sampling: Sampling) -> Lap:
        inputs = [openvino.Tensor(np.array([request.prompt_ids], dtype=np.int64)) for request in requests]
        configs = [generation_config(request.seed, sampling, ends) for request in requests]
        done = pipeline.generate(inputs, configs)
        return Lap(sum(len([token for token in one.m_generation_ids[0] if token not in ends]) for one in done), None)

    return write

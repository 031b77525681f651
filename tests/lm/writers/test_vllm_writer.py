"""The vLLM writer against a module with vLLM's documented names and types; test_vllm_real.py holds both against vLLM itself."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers import vllm_writer
from emotion_vectors.lm.writers.base import ModelFacts, Options, Request, Sampling, end_tokens
from emotion_vectors.lm.writers.choosing import choose_writer, make_writer
from emotion_vectors.lm.writers.vllm_writer import VLLMWriter
from lm import fake_vllm

SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=12, repetition_penalty=1.1)


def compose(ids, params):
    """Tokens that depend on the prompt and the seed alone; every second seed ends its text."""
    draw = random.Random(f"{ids} {params.seed}")
    made = [draw.randrange(300, 1200) for _ in range(30)]
    return [*made[:5], params.stop_token_ids[0]] if params.seed % 2 else made


@pytest.fixture
def vllm(monkeypatch):
    module = fake_vllm.make(compose)
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", fake_vllm)
    monkeypatch.setitem(sys.modules, "vllm.exceptions", fake_vllm)
    monkeypatch.setattr(vllm_writer, "is_installed", lambda: True)
    return module


def requests(count):
    return [Request(f"r{i}", tuple(range(400, 405 + i)), 2**62 + i) for i in range(count)]


def test_ids_go_in_and_texts_of_the_models_own_tokenizer_come_out(vllm, monkeypatch):
    # vLLM takes its share of all memory, on a CPU too, and doesn't start where less is free: here a quarter is.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    monkeypatch.setattr(vllm_writer, "free_bytes", lambda: memory // 4)
    lm = dataclasses.replace(
        tiny(), source="some/model", revision="abc", dtype=torch.bfloat16, beside=(torch.device("cpu"),)
    )
    done = {one.key: one for one in make_writer(lm, "vllm", Options(64)).write(requests(6), SAMPLING)}
    assert sorted(done) == [f"r{i}" for i in range(6)]
    for request in requests(6):
        one = done[request.key]
        params = fake_vllm.SamplingParams(seed=request.seed, stop_token_ids=sorted(end_tokens(lm)))
        ids = compose(list(request.prompt_ids), params)[:12]
        ended = request.seed % 2 == 1
        ids = ids[:-1] if ended else ids
        assert (one.text, one.tokens, one.finished) == (
            lm.tokenizer.decode(ids, skip_special_tokens=True).strip(),
            len(ids),
            ended,
        )
    (engine,) = vllm.engines
    assert engine.llm_engine.steps == 12  # all are written together, not one after the other
    assert engine.arguments == {
        "model": "some/model", "dtype": "bfloat16", "revision": "abc", "max_model_len": 1024, "max_num_seqs": 64,
        "enable_prefix_caching": True, "enable_chunked_prefill": False, "tensor_parallel_size": 2, "gpu_memory_utilization": 0.125,
    }  # fmt: skip


def test_all_of_the_sampling_arrives(vllm):
    made = []
    vllm.SamplingParams = lambda **given: made.append(given) or fake_vllm.SamplingParams(**given)
    lm = tiny()
    list(VLLMWriter(lm).write(requests(1), dataclasses.replace(SAMPLING, presence_penalty=0.5)))
    assert made == [{
        "temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.1, "presence_penalty": 0.5, "max_tokens": 12, "seed": 2**62,
        "stop_token_ids": sorted(end_tokens(lm)), "detokenize": False, "output_kind": fake_vllm.RequestOutputKind.FINAL_ONLY,
    }]  # fmt: skip


@pytest.mark.slow
def test_one_engine_serves_all_calls_and_a_longer_request_starts_a_larger_one(vllm, monkeypatch):
    monkeypatch.setattr(vllm_writer, "LEAST_ROOM", 30)
    writer = VLLMWriter(tiny())
    list(writer.write(requests(3), SAMPLING))
    list(writer.write(requests(3), SAMPLING))
    assert [len(engine.llm_engine.used) for engine in vllm.engines] == [6]
    list(writer.write([Request("long", tuple(range(300, 400)), 1)], SAMPLING))
    assert [engine.arguments["max_model_len"] for engine in vllm.engines] == [30, 112]
    assert [engine.llm_engine.engine_core.stopped for engine in vllm.engines] == [True, False]
    writer.close()
    assert writer._engine is None and vllm.engines[1].llm_engine.engine_core.stopped
    writer.close()
    assert list(writer.write([], SAMPLING)) == [] and writer._engine is None


def test_texts_come_as_they_get_done_and_free_slots_are_filled_at_once(vllm):
    writer = VLLMWriter(tiny(), 2)
    steps, keys = [], []
    for one in writer.write(requests(10), SAMPLING):
        steps.append(vllm.engines[0].llm_engine.steps)
        keys.append(one.key)
    engine = vllm.engines[0].llm_engine
    assert steps == sorted(steps) and steps[0] == 6 and len(set(steps)) > 5
    assert engine.most == 4  # the queue stays short, so that the texts of a chunk are written together
    # Odd seeds end after 6 tokens, even ones at the limit of 12: two slots need at least half of all these steps.
    assert sorted(keys) == sorted(f"r{i}" for i in range(10)) and engine.steps <= (5 * 6 + 5 * 12) / 2 + 6


def test_nothing_goes_on_in_the_engine_when_the_caller_stops(vllm):
    writer = VLLMWriter(tiny(), 4)
    texts = writer.write(requests(6), SAMPLING)
    first = next(texts)
    texts.close()
    engine = vllm.engines[0].llm_engine
    assert len(engine.aborted) == 5 and not engine.has_unfinished_requests()
    # The engine serves the next call, and names are not used twice.
    assert first in list(writer.write(requests(6), SAMPLING)) and len(engine.used) == 12


@pytest.mark.parametrize(
    ("error", "sentence", "engines"),
    [
        (
            fake_vllm.VLLMServerError("EngineCore encountered an issue."),
            "vLLM stopped while tiny-llama was writing; run the",
            2,
        ),
        (
            fake_vllm.VLLMClientError("Token id 9 is out of vocabulary"),
            "refuses a prompt: Token id 9 is out of vocab",
            1,
        ),
    ],
)
@pytest.mark.slow
def test_an_error_while_vllm_writes_is_one_sentence_and_an_engine_that_died_is_not_used_again(
    vllm, monkeypatch, error, sentence, engines
):
    def broken(_):
        raise error

    writer = VLLMWriter(tiny())
    with monkeypatch.context() as patch:
        patch.setattr(fake_vllm.LLMEngine, "step", broken)
        with pytest.raises(UserError, match=sentence):
            list(writer.write(requests(3), SAMPLING))
    assert len(list(writer.write(requests(3), SAMPLING))) == 3 and len(vllm.engines) == engines
    assert vllm.engines[0].llm_engine.engine_core.stopped == (engines == 2)
    # Those of a dead engine can't be given back; a living one must not write for nobody.
    assert len(vllm.engines[0].llm_engine.aborted) == (3 if engines == 1 else 0)


@pytest.mark.slow
def test_an_engine_that_is_killed_while_it_writes_is_told_and_not_waited_for(vllm, monkeypatch):
    monkeypatch.setattr(vllm_writer, "WATCH_SECONDS", 0.01)
    writer = VLLMWriter(tiny(), 2)
    stream = writer.write(requests(6), SAMPLING)
    next(stream)
    vllm.engines[0].llm_engine.engine_core.kill()
    with pytest.raises(UserError, match="vLLM stopped while tiny-llama was writing; run the same command again"):
        list(stream)
    assert len(list(writer.write(requests(6), SAMPLING))) == 6 and len(vllm.engines) == 2
    writer.close()


@pytest.mark.parametrize("said", [b"", b"closed"], ids=["killed", "closed"])
def test_the_engines_processes_end_with_a_run_that_is_killed(said):
    engines = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    guard = vllm_writer.guarded([one.pid for one in engines])
    # The death of whoever holds the other end of a pipe closes it.
    guard.communicate(said, timeout=30)
    try:
        if said:
            assert [one.poll() for one in engines] == [None, None]
        else:
            assert [one.wait(timeout=30) for one in engines] == [-signal.SIGKILL] * 2
    finally:
        for one in engines:
            one.kill()
            one.wait()


def test_what_vllm_says_does_not_go_to_standard_output_and_the_user_has_the_last_word(vllm, monkeypatch):
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    for name in ("VLLM_LOGGING_STREAM", "VLLM_NO_USAGE_STATS"):
        monkeypatch.delenv(name, raising=False)
    list(VLLMWriter(tiny()).write(requests(1), SAMPLING))
    names = ("VLLM_LOGGING_LEVEL", "VLLM_LOGGING_STREAM", "VLLM_NO_USAGE_STATS")
    assert [os.environ[name] for name in names] == ["DEBUG", "ext://sys.stderr", "1"]


def test_what_vllm_cannot_do_is_one_sentence(vllm, monkeypatch):
    with pytest.raises(UserError, match="can't read GGUF"):
        make_writer(dataclasses.replace(tiny(), gguf=Path("x.gguf")), "vllm")
    with pytest.raises(UserError, match="1 or more"):
        VLLMWriter(tiny(), 0)

    def broken(**_):
        raise ValueError("Traceback of many lines\nNo supported config format found")

    vllm.LLM = broken
    with pytest.raises(
        UserError, match=r"can't load tiny-llama: No supported config format found; .*messages above.* use --set"
    ):
        list(VLLMWriter(tiny()).write(requests(1), SAMPLING))
    monkeypatch.setattr(vllm_writer, "is_installed", lambda: False)
    with pytest.raises(UserError, match="pip install vllm"):
        VLLMWriter(tiny())


def test_auto_takes_vllm_on_cuda_where_it_is_installed(monkeypatch):
    monkeypatch.setattr(vllm_writer, "is_installed", lambda: True)
    assert choose_writer("auto", ModelFacts(None, {"model_type": "llama"}, "cuda")) == "vllm"
    assert choose_writer("auto", ModelFacts(None, {"model_type": "llama"}, "cpu")) == "transformers"
    assert choose_writer("auto", ModelFacts(Path("x.gguf"), {"model_type": "llama"}, "cuda")) == "transformers"
    monkeypatch.setattr(vllm_writer, "is_installed", lambda: False)
    assert choose_writer("auto", ModelFacts(None, {"model_type": "llama"}, "cuda")) == "transformers"

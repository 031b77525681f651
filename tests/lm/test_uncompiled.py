"""Compiled models, as people have them, under hooks: steered and read as without torch.compile, or refused, and compiled again afterwards."""

import copy
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
import torch
from tiny import hooks, tiny
from transformers import CompileConfig
from vectors.worlds import make_vectors, plain_greedy

from emotion_vectors.bench import plain
from emotion_vectors.doctor import controls
from emotion_vectors.doctor.bench import plain_hooks
from emotion_vectors.errors import UserError
from emotion_vectors.lm import forward, prompts
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.float32 import in_float32
from emotion_vectors.lm.uncompiled import HookError, uncompiled
from emotion_vectors.vectors.steering import Addition, steer

STEPS, LAYER = 6, 0
BACKENDS = ["eager", "aot_eager"]
VECTOR = np.random.default_rng(0).standard_normal(32).astype(np.float32) * 4


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def lm():
    """A model of one's own, to be compiled."""
    made = tiny()
    model = copy.deepcopy(made.model)
    return replace(made, model=model, parts=find_parts(model))


@pytest.fixture
def shallow(lm):
    """The same with two blocks: what is compiled block by block takes half as long."""
    lm.model.model.layers, lm.model.config.num_hidden_layers = lm.model.model.layers[:2], 2
    return replace(lm, parts=find_parts(lm.model))


IDS = torch.tensor([[400, 500, 600, 700, 800]])


def written(model, **options):
    found = model.generate(
        IDS,
        attention_mask=torch.ones_like(IDS),
        max_new_tokens=STEPS,
        min_new_tokens=STEPS,
        do_sample=False,
        pad_token_id=1,
        **options,
    )
    return found[0, IDS.shape[1] :].tolist()


def expected(lm, vector):
    return plain_greedy(lm, IDS[0].tolist(), STEPS, [(LAYER, vector)], range)[0]


def compiled_forward(lm, backend):
    lm.model.forward = torch.compile(lm.model.forward, backend=backend)
    return lm.model


def compiled_whole(lm, backend):
    return torch.compile(lm.model, backend=backend)


def compiled_in_place(lm, backend):
    lm.model.compile(backend=backend)
    return lm.model


def compiled_body(lm, backend):
    lm.parts.body.compile(backend=backend)
    return lm.model


def compiled_blocks(lm, backend):
    for block in lm.parts.blocks:
        block.compile(backend=backend)
    return lm.model


WAYS = [compiled_forward, compiled_whole, compiled_in_place, compiled_body, compiled_blocks]


# Compiling takes seconds: a pair for each way, so that every way, every backend, and models used before and not are there.
PAIRS = [("eager", True), ("aot_eager", False), ("eager", False), ("aot_eager", True)]
CASES = [(way, *PAIRS[i % 4]) for i, way in enumerate(WAYS)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__}-{case[1]}-{case[2]}")
@pytest.mark.slow
def test_a_compiled_model_is_steered_as_without_compiling(shallow, case):
    way, backend, used = case
    plain = expected(shallow, 0 * VECTOR)
    wanted = {sign: expected(shallow, sign * VECTOR) for sign in (1, -1)}
    assert len({tuple(text) for text in (plain, *wanted.values())}) == 3
    model = way(shallow, backend)
    if used:
        assert written(model) == plain
    for sign in (1, -1):
        with steer(model, [Addition(LAYER, sign * VECTOR)]) as steering:
            assert written(model) == wanted[sign]
        assert steering.passes == STEPS
    assert written(model) == plain


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.slow
def test_a_static_cache_that_generate_compiles_by_itself_is_steered(shallow, backend):
    config = CompileConfig(backend=backend, fullgraph=False, mode=None)
    config._compile_all_devices = True  # what a GPU does without being asked
    static = {"cache_implementation": "static", "compile_config": config}
    wanted, compiling = (
        {sign: expected(shallow, sign * VECTOR) for sign in (-1, 0, 1)},
        torch._dynamo.utils.counters["frames"],
    )
    for sign in (0, 1, 0, -1, 1, 0):
        before = compiling["total"]
        if sign:
            with steer(shallow.model, [Addition(LAYER, sign * VECTOR)]) as steering:
                assert written(shallow.model, **static) == wanted[sign]
            assert steering.passes == STEPS and compiling["total"] == before, (
                "nothing may be compiled with a vector in it"
            )
        else:
            assert written(shallow.model, **static) == wanted[0]
    assert compiling["total"], "the plain calls must have been compiled"


@pytest.mark.parametrize(
    "way, backend", [(compiled_in_place, "aot_eager"), (compiled_body, "eager"), (compiled_blocks, "aot_eager")]
)
@pytest.mark.slow
def test_a_compiled_model_is_read_as_without_compiling(lm, way, backend):
    vectors = make_vectors()
    wanted = vectors.read(lm, "Rain fell on the roof.", layers=[1, 3]).raw
    way(lm, backend)
    lm.model(IDS), lm.parts.body(input_ids=IDS)
    assert vectors.read(lm, "Rain fell on the roof.", layers=[1, 3]).raw == pytest.approx(wanted, abs=1e-6)


def a_prompt(lm):
    return prompts.chat_prompt(
        lm, "Would you {activity_a} or {activity_b}?", {"activity_a": "swap riddles", "activity_b": "count words"}
    )


def seen_by(collect, lm):
    """What hooks of `collect(lm)` saw of one pass; a copy, because some collect in a list that goes on."""
    with torch.inference_mode(), collect(lm) as found:
        lm.model(IDS, use_cache=False)
    return [one.float().numpy() for one in (found.values() if isinstance(found, dict) else found)]


def entering(lm):
    found = []

    @contextmanager
    def watching():
        with forward.watch_embedding(lm, lambda residual: found.append(residual.clone())):
            yield found

    return watching()


def in_half(lm):
    """A pass in float32 of the model in half precision."""
    with torch.inference_mode(), in_float32(lm) as exact:
        return forward.run(exact, forward.pad([IDS[0].tolist()], lm.device)).numpy()


PASSES = {
    "the plain extraction": lambda lm: plain.extraction(lm, [(IDS[0].tolist(), (1, 4))]),
    "plain steering": lambda lm: plain.steering(lm, [a_prompt(lm)], (400, 500), LAYER, torch.from_numpy(VECTOR), "first"),
    "the doctor's hooks": lambda lm: seen_by(plain_hooks, lm),
    "the doctor's norms": lambda lm: seen_by(lambda lm: controls._first_input(lm.parts.blocks[LAYER]), lm),
    "the embedding": lambda lm: seen_by(entering, lm),
    "float32": in_half,
}  # fmt: skip


@pytest.mark.slow
def test_hooks_of_every_kind_see_compiled_blocks(lm):
    half = copy.deepcopy(lm.model).to(torch.bfloat16)
    models = {"float32": replace(lm, model=half, parts=find_parts(half), dtype=torch.bfloat16)}
    wanted = {name: collect(models.get(name, lm)) for name, collect in PASSES.items()}
    for one in (lm, *models.values()):
        compiled_blocks(one, "eager")
        with torch.inference_mode():
            one.model(IDS, use_cache=False), one.model(IDS, attention_mask=torch.ones_like(IDS), use_cache=False)
    for name, collect in PASSES.items():
        # Twice: what the first pass compiles by itself would still have the first pass's hooks.
        _, found = (collect(models.get(name, lm)) for _ in range(2))
        assert len(found) == len(wanted[name]) > 0, name
        for one, other in zip(found, wanted[name], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5, err_msg=name)


def run(lm):
    return forward.run(lm, forward.pad([IDS[0].tolist()], lm.device))


def test_a_hook_that_does_not_fire_once_is_an_error_when_the_block_ends(lm):
    with (
        pytest.raises(HookError, match="block 2 of tiny-llama fired 0 times in one pass"),
        forward.watch_blocks(lm, [2], lambda *_: None),
    ):
        pass
    with pytest.raises(HookError, match="fired 2 times"), forward.watch_blocks(lm, [0, 2], lambda *_: None):
        run(lm), run(lm)
    assert issubclass(HookError, UserError) and not any(hooks(lm.model))


class PassingBy(torch.nn.Module):
    """A wrapper that calls the forward of what it wraps, so that no hook of that is called."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, *arguments, **options):
        return self.block.forward(*arguments, **options)


def test_a_block_that_is_not_called_is_an_error_in_the_very_pass(lm):
    blocks = torch.nn.ModuleList(lm.parts.blocks)
    lm.parts.body.layers[LAYER] = PassingBy(blocks[LAYER])
    before = replace(lm, parts=lm.parts._replace(blocks=blocks))
    for call in (lambda: before.model(IDS), lambda: written(before.model)):
        with (
            pytest.raises(HookError, match=f"block {LAYER} of the model fired 0 times"),
            steer(before, [Addition(LAYER, VECTOR)]),
        ):
            call()
    with pytest.raises(HookError, match=f"block {LAYER} of tiny-llama fired 0 times"):
        make_vectors().read(before, "Rain fell.", layers=[LAYER, 2])


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_context_in_which_the_model_is_never_called_is_refused(lm):
    other = copy.deepcopy(lm.model)
    with (
        pytest.raises(HookError, match="ended without a forward pass of its model"),
        steer(lm.model, [Addition(LAYER, VECTOR)]),
    ):
        written(other)
    traced = torch.jit.trace(lambda ids: lm.model(ids, use_cache=False).logits, IDS, check_trace=False)
    with pytest.raises(HookError, match="without a forward pass"), steer(lm.model, [Addition(LAYER, VECTOR)]):
        traced(IDS)
    assert not any(hooks(lm.model))


def test_an_error_inside_comes_through_and_is_not_covered_up(lm):
    with pytest.raises(KeyError), steer(lm.model, [Addition(LAYER, VECTOR)]):
        raise KeyError
    with pytest.raises(KeyError), forward.watch_blocks(lm, [LAYER], lambda *_: None):
        raise KeyError


def test_memory_that_runs_out_within_a_pass_does_not_count_against_the_next(lm):
    wanted = expected(lm, VECTOR)
    failing = lm.parts.blocks[LAYER + 1].register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(MemoryError()))
    with steer(lm.model, [Addition(LAYER, VECTOR)]):
        with pytest.raises(MemoryError):
            lm.model(IDS)
        failing.remove()
        assert written(lm.model) == wanted


def test_blocks_of_several_threads_overlap_and_the_stance_comes_back(lm):
    counted = torch.compile(lambda x: x + torch._dynamo.is_compiling(), backend="eager")
    zero = torch.zeros(1)
    assert counted(zero).item() == 1
    first, second = uncompiled(), uncompiled()
    first.__enter__()
    thread = Thread(target=second.__enter__)
    thread.start(), thread.join()
    assert counted(zero).item() == 0
    first.__exit__(None, None, None)
    assert counted(zero).item() == 0, "the second block still lasts"
    second.__exit__(None, None, None)
    assert counted(zero).item() == 1
    with torch.compiler.set_stance("force_eager"):
        with uncompiled():
            pass
        assert counted(zero).item() == 0, "a stance of one's own is left as it was"
    assert counted(zero).item() == 1

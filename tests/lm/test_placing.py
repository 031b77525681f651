"""Blocks are shared out evenly, and every weight has its place before any is loaded."""

import pytest
from accelerate.utils import check_device_map
from same import agrees
from tiny import ARCHITECTURES

from emotion_vectors.errors import UserError
from emotion_vectors.lm import devices
from emotion_vectors.lm.architecture import find_parts
from emotion_vectors.lm.devices import device_map, even, filled
from emotion_vectors.lm.model import load_model
from emotion_vectors.lm.pretrained import empty_model
from lm.devices import TWO, saved, waiting


@pytest.fixture(autouse=True)
def one_cpu(monkeypatch):
    """accelerate compares devices by name and would move a weight from the CPU to the CPU, which torch takes for a copy."""
    monkeypatch.setattr("accelerate.utils.modeling.check_device_same", lambda one, other: one.type == other.type)


def test_a_gpu_is_filled_before_blocks_wait_in_memory(tmp_path, monkeypatch, second_waits):
    folder = saved(tmp_path, "qwen3")
    empty = empty_model(folder, "qwen3")
    sizes = [4 * sum(weight.numel() for weight in block.parameters()) for block in find_parts(empty).blocks]
    rest = 4 * sum(weight.numel() for weight in empty.parameters()) - sum(sizes)
    monkeypatch.setattr(devices, "free_memory", lambda _: rest + 3.5 * sizes[0])
    lm = load_model(folder, "cpu:0,cpu", "float32")
    assert waiting(lm) == [False, False, False, True]
    agrees(lm, load_model(folder, "cpu", "float32"), ("second",))
    monkeypatch.undo()
    with pytest.raises(UserError, match="Only GPUs can leave blocks"):
        load_model(folder, "cpu:0,cpu", "float32")


@pytest.mark.parametrize("kind", [*ARCHITECTURES, "mixtral"])
def test_every_weight_has_its_place_before_any_is_loaded(kind, tmp_path):
    model = empty_model(saved(tmp_path, kind), kind)
    assert {weight.device.type for weight in model.parameters()} == {"meta"}
    places = device_map(model, TWO, block_bytes=4, other_bytes=4)
    check_device_map(model, places)
    covered = [name for name, _ in model.named_parameters() for place in places if f"{name}.".startswith(f"{place}.")]
    assert sorted(covered) == sorted(name for name, _ in model.named_parameters()), "each once"


def test_blocks_are_shared_out_evenly_and_gpus_are_filled():
    assert even([1] * 8, 0, 2) == [0] * 4 + [1] * 4
    assert even([1] * 8, 2, 2) == [0] * 3 + [1] * 5, "the first one holds the embedding as well"
    assert filled([1] * 5, 1, [3.5, 2]) == [0, 0, 1, 1, 2]
    assert filled([1, 1], 0, [10, 10]) == [0, 0]
    assert filled([1, 1], 5, [1]) == [1, 1], "nothing fits"

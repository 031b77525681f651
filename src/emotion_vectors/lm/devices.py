"""Which devices a model is on, in which precision, and which part of it goes where.

A model over several GPUs has whole blocks on each, in order; embedding, final norm and unembedding are on the first, so that what
enters and leaves the model is on one device. accelerate's hooks bring each block's inputs to it. Blocks that are kept in the CPU's
memory (`cuda:0,cpu`) come to the first GPU when they are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from emotion_vectors.errors import UserError
from emotion_vectors.lm.architecture import find_parts

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
FILLED = 0.8  # of a GPU's free memory that weights may take; the rest is for what is computed
Place = str | int | torch.device  # as accelerate names devices: a number is a GPU


def choose_devices(devices: str) -> tuple[torch.device, ...]:
    """The torch devices of one name or of several with commas; several GPUs have to be told apart by number.

    After GPUs, `cpu` stands for blocks that don't fit on them.
    """
    names = [name.strip() for name in devices.split(",")]
    chosen = tuple(choose_device(name) for name in names)
    if len(chosen) == 1:
        return chosen
    computing = chosen[:-1] if is_offloaded(chosen) else chosen
    numbers = [device.index for device in computing]
    if "auto" in names or len({d.type for d in computing}) > 1 or None in numbers or len(set(numbers)) < len(numbers):
        raise UserError(
            f"A model can't be spread over '{devices}'; list different GPUs by number, as in cuda:0,cuda:1, with cpu at "
            "the end for what doesn't fit on them."
        )
    return chosen


def is_offloaded(devices: Sequence[torch.device]) -> bool:
    """Whether the last of several devices is the CPU, which then keeps blocks for the others."""
    return len(devices) > 1 and devices[-1] == torch.device("cpu")


def choose_device(device: str) -> torch.device:
    """The torch device for `device`; auto prefers cuda, then mps, then cpu."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"There is no device '{device}'; use auto, cpu, cuda or mps.") from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "CUDA was asked for but this PyTorch can't see a GPU; install a CUDA build or use --device cpu."
        )
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"There is no GPU {chosen.index}: this machine has {torch.cuda.device_count()}, counted from 0."
        )
    if chosen.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("MPS was asked for but is not available here; use --device cpu.")
    return chosen


def choose_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch dtype for `dtype`; auto is bfloat16 on CUDA and on CPUs with bf16 arithmetic, float32 elsewhere."""
    if dtype != "auto":
        return DTYPES[dtype]
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and _cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def enough_gpus(bytes_of_weights: int) -> tuple[torch.device, ...]:
    """What `auto` means on a machine with several GPUs: one where the weights fit on it, else as many as they need.

    Raises `UserError` where all of them together are too small.
    """
    gpus = [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    room = [free_memory(gpu) for gpu in gpus]
    if bytes_of_weights <= max(room):
        return (gpus[room.index(max(room))],)
    for count in range(2, len(gpus) + 1):
        # Blocks are shared out evenly, so the fullest GPU of them decides.
        if bytes_of_weights <= count * min(room[:count]):
            return tuple(gpus[:count])
    raise UserError(
        f"The weights take {bytes_of_weights / 1e9:,.0f} GB and the {len(gpus)} GPUs have room for {sum(room) / 1e9:,.0f} GB; quantise them "
        f"(--quantize 4bit), or keep what doesn't fit in the CPU's memory (--device {','.join(map(str, gpus))},cpu)."
    )


def free_memory(gpu: torch.device) -> int:
    """Bytes of a GPU that weights may take; `UserError` for a device that is none."""
    if gpu.type != "cuda":
        raise UserError(
            f"Only GPUs can leave blocks to the CPU's memory, not {gpu}; leave out the cpu at the end of --device."
        )
    return int(FILLED * torch.cuda.mem_get_info(gpu)[0])


def device_map(
    model: PreTrainedModel, devices: Sequence[torch.device], block_bytes: float, other_bytes: float
) -> dict[str, Place]:
    """Which part of a model goes to which device, by the parts' names, for accelerate.

    `model` may be without weights (on the meta device). `block_bytes` and `other_bytes` are those of a weight within and outside
    of the blocks. Blocks are shared out evenly, in order; with the CPU at the end each GPU is filled first.
    """
    blocks = find_parts(model).blocks
    sizes = [block_bytes * sum(weight.numel() for weight in block.parameters()) for block in blocks]
    total = sum(weight.numel() for weight in model.parameters())
    rest = other_bytes * (total - sum(weight.numel() for block in blocks for weight in block.parameters()))
    if is_offloaded(devices):
        places = filled(sizes, rest, [free_memory(device) for device in devices[:-1]])
    else:
        places = even(sizes, rest, len(devices))
    at = {id(block): devices[place] for block, place in zip(blocks, places, strict=True)}
    found: dict[str, Place] = {}
    _assign(model, "", at, devices[0], found)
    return found


def _assign(
    module: nn.Module, name: str, at: dict[int, torch.device], first: torch.device, found: dict[str, Place]
) -> None:
    """Name every part that neither is nor contains a block, each block, and the parameters of what holds blocks."""
    if not any(id(part) in at for part in module.modules()):
        found[name] = place_of(first)
    elif id(module) in at:
        found[name] = place_of(at[id(module)])
    else:
        for child_name, child in module.named_children():
            _assign(child, f"{name}.{child_name}".lstrip("."), at, first, found)
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        found.update({f"{name}.{tensor}".lstrip("."): place_of(first) for tensor, _ in own})


def place_of(device: torch.device) -> Place:
    """A device as accelerate names it."""
    return device.index if device.type == "cuda" and device.index is not None else str(device)


def even(sizes: Sequence[float], rest: float, count: int) -> list[int]:
    """The device (0 to `count` - 1) of each block, so that all hold about as much; the first one holds `rest` as well."""
    places, before, total = [], rest, rest + sum(sizes)
    for size in sizes:
        places.append(min(count - 1, int((before + size / 2) / total * count)))
        before += size
    return places


def filled(sizes: Sequence[float], rest: float, room: Sequence[float]) -> list[int]:
    """The device of each block where each is filled up to its `room`, and the one after the last takes what is left."""
    places, left, device = [], [room[0] - rest, *room[1:]], 0
    for size in sizes:
        while device < len(left) and size > left[device]:
            device += 1
        if device < len(left):
            left[device] -= size
        places.append(device)
    return places


def computes_on(block: nn.Module) -> torch.device | None:
    """The device that a part of a spread model computes on; None where it has no hook of accelerate, as on one device."""
    place = getattr(getattr(block, "_hf_hook", None), "execution_device", None)
    return None if place is None else torch.device(place)

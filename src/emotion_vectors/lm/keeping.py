"""Where the kept residuals of all prompts live: in memory, or in mapped files where they would fill it.

A mapped tensor is read like any other; the system brings in the pages that are used and drops them when memory is short.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

Keep = Callable[[torch.Tensor], torch.Tensor]
SHARE = 0.5  # of the memory that is free; what is kept may fill so much of it


def in_memory(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor on the CPU."""
    return tensor.cpu()


def on_disk(folder: Path) -> Keep:
    """Copies tensors into mapped files in `folder`, which have no name there and vanish with the tensor or the process."""

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.numel() == 0:
            return tensor.cpu()
        # The mapping outlives the file's name, so a killed run leaves nothing behind.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".kept-") as file:
            mapped = torch.from_file(file.name, shared=True, size=tensor.numel(), dtype=tensor.dtype)
        return mapped.view(tensor.shape).copy_(tensor)

    return keep


def keep_for(size: int, folder: Path, say: Callable[[str], None] = lambda _: None, free: int | None = None) -> Keep:
    """How to keep `size` bytes in all: in memory, or in `folder` where they are more than SHARE of the memory `free`."""
    free = free_bytes() if free is None else free
    if size <= SHARE * free:
        return in_memory
    say(f"Keeping {size / 1e9:.1f} GB of residuals on disk; {free / 1e9:.1f} GB of memory are free.")
    folder.mkdir(parents=True, exist_ok=True)
    return on_disk(folder)


def free_bytes() -> int:
    """Memory that can be had without swapping; half of all memory where the system doesn't say."""
    table = Path("/proc/meminfo")
    for line in table.read_text(encoding="utf-8").splitlines() if table.exists() else []:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2

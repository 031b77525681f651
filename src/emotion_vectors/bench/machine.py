"""On what machine, with what versions and what model a benchmark ran. Nothing here names a path or a repository."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from emotion_vectors import __version__
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.store.schema import JsonObject

PACKAGES = ("torch", "transformers", "numpy", "openvino-genai", "vllm", "ctranslate2")

# Operations per second with dense bfloat16 or float16 matrices, by a part of the GPU's name. Source: NVIDIA data sheets.
PEAKS = {"H200": 989.4e12, "H100 80GB HBM3": 989.4e12, "A100": 312e12}


def describe(lm: LanguageModel) -> JsonObject:
    """Processor, memory, accelerator, system, versions, and the model with its type and device."""
    return {
        "processor": processor(), "cores": cores(), "threads": torch.get_num_threads(), "memory_bytes": memory_bytes(),
        "accelerator": accelerator(lm.device), "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(), "versions": versions(),
        "model": {
            "name": lm.name, "sha256": lm.sha256, "parameters": int(lm.model.num_parameters()), "layers": lm.n_layers,
            "hidden_size": lm.hidden_size, "dtype": str(lm.dtype).removeprefix("torch."), "device": str(lm.device),
        },
    }  # fmt: skip


def processor() -> str:
    """The processor's name as the system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Main memory, where the system says."""
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return None


def accelerator(device: torch.device) -> JsonObject | None:
    """Name and memory of the GPU that is used, None on a CPU."""
    if device.type != "cuda":
        return None if device.type == "cpu" else {"name": device.type, "memory_bytes": None}
    facts = torch.cuda.get_device_properties(device)
    return {"name": facts.name, "memory_bytes": facts.total_memory}


def versions() -> dict[str, str | None]:
    """Installed versions by package; None where a package is not installed."""
    found: dict[str, str | None] = {"emotion-vectors": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def utilisation(lm: LanguageModel, job: JsonObject) -> JsonObject:
    """`mfu`: the job's necessary operations per second over the GPU's peak, or null with the reason beside it."""
    needed = job.get("limit", {}).get("operations_per_unit")
    if needed is None:
        return {"mfu": None, "mfu_reason": "counted for the reading jobs only"}
    name = (accelerator(lm.device) or {}).get("name", "")
    peak = next((peak for part, peak in PEAKS.items() if part in name), None)
    if peak is None or lm.dtype == torch.float32:
        return {"mfu": None, "mfu_reason": "no peak rate is known for this device and type"}
    return {"mfu": job["rate"] * needed / peak}

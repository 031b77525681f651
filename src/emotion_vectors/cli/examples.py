"""Examples of every command, shown below its help and in docs/cli.md. A test parses each of them."""

from __future__ import annotations

EXAMPLES = {
    "run": (
        "emotion-vectors run --out runs/demo",
        "emotion-vectors run --model path/to/model --preset screen --stories ours --neutral ours --out runs/mine",
        "emotion-vectors run --model path/to/model --until vectors --out runs/vectors",
    ),
    "doctor": ("emotion-vectors doctor --model path/to/model",),
    "bench": (
        "emotion-vectors bench --quick --out rates.json",
        "emotion-vectors bench --model llama-3.1-8b-shape --jobs extraction --device cuda",
    ),
    "report": ("emotion-vectors report runs/demo",),
    "compare": ("emotion-vectors compare runs/base runs/tuned --out runs/compared",),
    "screen": ("emotion-vectors screen --models 'path/to/one path/to/other' --out runs/screen",),
    "plan": (
        "emotion-vectors plan --preset paper --model path/to/config.json",
        "emotion-vectors plan --preset paper --model llama-3.1-8b-shape --rates rates.json",
    ),
    "status": ("emotion-vectors status runs/demo", "emotion-vectors status runs/demo --set strength=0.3"),
    "clean": ("emotion-vectors clean runs/demo --dry-run",),
    "vectors": ("emotion-vectors vectors texts.jsonl --model path/to/model --out personas.safetensors",),
    "read": (
        "emotion-vectors read letter.txt --vectors runs/demo",
        "emotion-vectors read chats.jsonl --vectors runs/demo --emotions desperate,calm --out scores.parquet --top 5",
        "emotion-vectors read chats.jsonl --vectors runs/demo --emotions desperate --tokens --out tokens.parquet",
    ),
    "examples": (
        "emotion-vectors examples runs/demo corpus.parquet --out found",
        "emotion-vectors examples runs/demo books.jsonl --emotions calm,angry --top 20 --norms valence.csv --out found",
    ),
    "steer": (
        "emotion-vectors steer runs/demo 'Tell me about your day.' --emotion calm=0.2",
        "emotion-vectors steer runs/demo 'Tell me about your day.' --emotion calm=0.1 --emotion angry=-0.1 --layers 10-14",
        "emotion-vectors steer runs/demo 'Tell me about your day.' --find-strength --emotion calm --emotion desperate",
    ),
    "export": (
        "emotion-vectors export runs/demo --format gguf --emotion calm=1 --out calm.gguf",
        "emotion-vectors export runs/demo --format npz --emotions calm,angry --layers all --out vectors.npz",
    ),
    "import": ("emotion-vectors import control.gguf --out theirs.safetensors",),
    "explore": ("emotion-vectors explore runs/demo",),
    "settings": ("emotion-vectors settings paper",),
    "verify": ("emotion-vectors stimuli verify path/to/pack",),
}


def shown(verb: str) -> str:
    """The examples of `verb`, each a paragraph of its own, so that a terminal does not run them together."""
    return "\n\n".join(("Examples:", *EXAMPLES[verb]))

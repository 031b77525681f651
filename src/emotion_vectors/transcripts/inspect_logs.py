"""Logs of Inspect (inspect_ai) as chats: the messages of every sample, with its id, epoch and scores.

A `.eval` file is a zip with a JSON file for each sample (`samples/ID_epoch_N.json`), a `.json` log one object with a list `samples`.
Texts that Inspect keeps apart (`attachment://HASH`) are put back in their places. Read without inspect_ai, apart from members that are
compressed with zstandard, which Python before 3.14 can't open by itself. Files are untrusted: sizes are limited before anything is unpacked.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emotion_vectors.errors import UserError, first_line

LOGS = (".eval", ".json")
EPOCH = "epoch"
MOST_LOG = 512 * 2**20  # bytes of a .json log, and of one sample as it is unpacked
MOST_SAMPLES = 1_000_000
MOST_ATTACHED = 32_000_000  # characters of a sample that attachments stand for
ATTACHMENT = "attachment://"
ZSTANDARD = 93  # the zip format's number for it


def samples_of(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Number (from 1) and contents of every sample: id, messages in the OpenAI format, what it carries; or why it can't be read.

    Raises `UserError` for a file that is not a log.
    """
    for number, sample in _zipped(path) if path.suffix.lower() == ".eval" else _listed(path):
        yield number, sample if isinstance(sample, str) else _chat_of(sample)


def _listed(path: Path) -> Iterator[tuple[int, Any]]:
    """The samples of a `.json` log."""
    if path.stat().st_size > MOST_LOG:
        raise UserError(f"{path} is larger than {MOST_LOG // 2**20} MiB; write the log as .eval (inspect log convert).")
    try:
        log = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not an Inspect log: it is not JSON ({first_line(error)[:100]}); chats go into .jsonl."
        ) from error
    if (
        not isinstance(log, dict)
        or not isinstance(log.get("eval"), dict)
        or not isinstance(log.get("samples") or [], list)
    ):
        raise UserError(
            f"{path} is not an Inspect log (an object with eval and samples); chats go into .jsonl, one object a line."
        )
    yield from enumerate(log.get("samples") or [], start=1)


def _zipped(path: Path) -> Iterator[tuple[int, Any]]:
    """The samples of an `.eval` log, one in memory at a time."""
    try:
        with zipfile.ZipFile(path) as archive:
            # A sample that was written twice counts as written last, as for every reader of zip files.
            members = {
                one.filename: one for one in archive.infolist() if re.fullmatch(r"samples/.+\.json", one.filename)
            }
            if "header.json" not in archive.namelist() and "_journal/start.json" not in archive.namelist():
                raise UserError(
                    f"{path} is not an Inspect log: it has no header.json; give the .eval file that Inspect wrote."
                )
            if len(members) > MOST_SAMPLES:
                raise UserError(f"{path} has {len(members):,} samples, more than {MOST_SAMPLES:,}; split it.")
            if any(one.compress_type == ZSTANDARD for one in members.values()):
                _learn_zstandard(path)
            for number, member in enumerate(members.values(), start=1):
                yield number, _member(archive, member)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UserError(
            f"{path} is not a complete Inspect log ({first_line(error)[:100]}); get the file again."
        ) from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    if member.file_size > MOST_LOG:
        return f"it is larger than {MOST_LOG // 2**20} MiB"
    with archive.open(member) as handle:
        data = handle.read(MOST_LOG + 1)
    if len(data) > MOST_LOG:
        return f"it unpacks to more than {MOST_LOG // 2**20} MiB"
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        return f"it is not JSON ({first_line(error)[:100]})"


def _learn_zstandard(path: Path) -> None:
    """Teach `zipfile` the compression that Inspect uses."""
    try:
        import zipfile_zstd  # noqa: F401  # type: ignore[import-untyped]
    except ImportError:
        if not hasattr(zipfile, "ZIP_ZSTANDARD"):
            raise UserError(
                f"{path} is compressed with zstandard; install what reads it: pip install 'emotion-vectors[inspect]'."
            ) from None


def _chat_of(sample: Any) -> dict[str, Any] | str:
    """Id, messages and what the table carries of a sample as Inspect writes it; or what is wrong with it."""
    if not isinstance(sample, Mapping) or not isinstance(sample.get("messages"), list):
        return "it is not an Inspect sample: it has no list of messages"
    kept = sample.get("attachments")
    attachments = (
        {name: text for name, text in kept.items() if isinstance(text, str)} if isinstance(kept, Mapping) else {}
    )
    try:
        messages = [house_message(_restored(message, attachments, [MOST_ATTACHED])) for message in sample["messages"]]
    except OverflowError:
        return f"its attachments stand for more than {MOST_ATTACHED:,} characters"
    epoch = sample.get("epoch")
    carried = [(EPOCH, epoch)] if isinstance(epoch, int) and 0 <= epoch < 2**31 else []
    return {"id": sample.get("id"), "messages": messages, "carried": [*carried, *_scores(sample.get("scores"))]}


def _restored(value: Any, attachments: Mapping[str, str], left: list[int]) -> Any:
    """`value` with the texts for which attachments stand; `left[0]` more characters may be put in, else `OverflowError`."""
    if isinstance(value, str):
        if value.startswith(ATTACHMENT):
            value = attachments.get(value.removeprefix(ATTACHMENT), value)
            left[0] -= len(value)
            if left[0] < 0:
                raise OverflowError
        return value
    if isinstance(value, Mapping):
        return {name: _restored(inner, attachments, left) for name, inner in value.items()}
    return [_restored(inner, attachments, left) for inner in value] if isinstance(value, list) else value


def house_message(message: Any) -> Any:
    """A message of Inspect in the OpenAI format; what is not a message stays as it is, to be refused by whoever reads it.

    Inspect's parts have the types that ours have. Its calls of tools have the name as `function` and `arguments` as an object.
    """
    if not isinstance(message, Mapping):
        return message
    found = {name: message[name] for name in ("role", "content", "tool_call_id") if message.get(name) is not None}
    if message.get("role") == "tool" and isinstance(message.get("function"), str):
        found["name"] = message["function"]
    calls = message.get("tool_calls")
    if isinstance(calls, list) and calls:
        found["tool_calls"] = [
            {
                "id": call.get("id"), "type": "function",
                "function": {"name": call.get("function"), "arguments": json.dumps(call.get("arguments") or {}, ensure_ascii=False)},
            }
            for call in calls if isinstance(call, Mapping)
        ]  # fmt: skip
    return found


def _scores(scores: Any) -> list[tuple[str, str]]:
    """The columns `score_SCORER` (or `score_SCORER_PART`) and what the log says there, as text: C, I, 0.5."""
    found: list[tuple[str, str]] = []
    for scorer, score in scores.items() if isinstance(scores, Mapping) else ():
        value = score.get("value") if isinstance(score, Mapping) else None
        parts = (
            {f"score_{scorer}_{part}": one for part, one in value.items()}
            if isinstance(value, Mapping)
            else {f"score_{scorer}": value}
        )
        found += [
            (name, one if isinstance(one, str) else json.dumps(one)) for name, one in parts.items() if one is not None
        ]
    return found

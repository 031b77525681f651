"""Checks of the prompts: are they what the model expects, where does the answer begin, which tokens are an activity?"""

from __future__ import annotations

import re

from emotion_vectors.doctor.bench import Asked, Bench, bos_of, front_of, own_text, squeezed
from emotion_vectors.doctor.check import Finding, all_right
from emotion_vectors.lm import prompts as prompting
from emotion_vectors.lm.model import LanguageModel
from emotion_vectors.lm.thinking import left_open

OPENED = re.compile(r"[<\[]\|?(?:begin_of_)?(?:think|thinking|thought|reason|reasoning)\|?[>\]]", re.IGNORECASE)
CLOSED = re.compile(r"[<\[]\|?(?:/|end_of_)(?:think|thinking|thought|reason|reasoning)\|?[>\]]", re.IGNORECASE)


def prompt(bench: Bench) -> Finding:
    """One BOS where the template, or the tokenizer of a base model or a GGUF file, has one; the template's own text and tokens, its end, and no open reasoning."""
    pack = bench.pack
    asked = list(bench.pairs)
    asked += [bench.ask(pack.prompts.feeling, {"activity": text}) for text in bench.activities[:4]]
    asked += [bench.ask("{message}", {"message": scenario.prompt}) for scenario in pack.scenarios]
    asked += [bench.ask("{message}", {"message": t.fill(t.values[-1])}) for t in pack.numeric_templates]
    twinned = pack.more_numeric_templates
    asked += [bench.ask("{message}", {"message": three[-1]}) for t in twinned for three in t.prompts()]
    faults = [fault for one in asked if (fault := _prompt_fault(bench.lm, one))]
    return all_right(faults, len(asked), "prompts", "use a model whose chat template answers at once, or report a bug")


def _prompt_fault(lm: LanguageModel, asked: Asked) -> str:
    message, text, ids = asked.template.format(**asked.values), asked.prompt.text, list(asked.prompt.ids)
    expected = own_text(lm, message, asked.prefill)
    end = _answer_begins(lm, message, asked.prefill)
    bos, leading = bos_of(lm), 0
    while bos is not None and ids[leading : leading + 1] == [bos]:
        leading += 1
    wanted = _wanted_bos(lm, expected)
    if leading != wanted:
        return f"one begins with {leading} BOS tokens, expected {wanted}"
    tail = text[text.rindex(message) + len(message) :] if message in text else text
    last_open = max((found.start() for found in OPENED.finditer(tail)), default=-1)
    if last_open > max((found.start() for found in CLOSED.finditer(tail)), default=-1) or left_open(tail):
        return f"one leaves a reasoning block open and ends with {text[-20:]!r}"
    if not text.endswith(end) or not squeezed(_decoded(lm, ids)).endswith(squeezed(end)):
        return f"one ends with {text[-20:]!r} and not where the answer begins, after {end[-20:]!r}"
    plain = lm.tokenizer(expected, add_special_tokens=False)["input_ids"]
    front, begun = front_of(lm), ids[:leading]
    if front and not leading and plain[: len(front)] != front and ids[: len(front)] == front:
        begun = front  # tokens of the tokenizer's own that are not BOS tokens
    if text != expected or ids[len(begun) :] != plain[_leading(plain, bos) :]:
        return f"the text or tokens of one are not those of the template ({text[:30]!r})"
    return ""


def _leading(ids: list[int], token: int | None) -> int:
    return next((i for i, one in enumerate(ids) if one != token), len(ids))


def _wanted_bos(lm: LanguageModel, text: str) -> int:
    """1 where the template begins with a BOS; where there is none, or in a GGUF file, also where plain texts do; else 0."""
    tokenizer = lm.tokenizer
    if tokenizer.bos_token_id is None:
        return 0
    before_plain = tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id]
    return int((before_plain and (not lm.is_chat or lm.gguf is not None)) or text.startswith(str(tokenizer.bos_token)))


def _answer_begins(lm: LanguageModel, message: str, prefill: str) -> str:
    """What the template adds for an answer, and the prefill: the end that a prompt must have."""
    said, begun = own_text(lm, message, "", answer=False), own_text(lm, message, prefill)
    return begun.removeprefix(said) if begun.startswith(said) else begun.rpartition(message)[2]


def _decoded(lm: LanguageModel, ids: list[int]) -> str:
    return str(lm.tokenizer.decode(ids, clean_up_tokenization_spaces=False))


def answers(bench: Bench) -> Finding:
    """A and B are one token each, two different ones, right after the prompt; production takes these very tokens."""
    lm, faults, melted = bench.lm, [], False
    for asked in bench.pairs:
        ids = list(asked.prompt.ids)
        # What stands before the tokens of the text: a BOS, or other tokens of the tokenizer's own.
        again = lm.tokenizer(asked.prompt.text, add_special_tokens=False)["input_ids"]
        start = ids[: len(ids) - len(again)]
        alone = []
        for letter in "AB":
            longer = lm.tokenizer(asked.prompt.text + letter, add_special_tokens=False)["input_ids"]
            longer = [*start, *longer]
            if longer[: len(ids)] == ids:
                alone.append(longer[-1] if longer[:-1] == ids and _decoded(lm, longer[-1:]).strip() == letter else None)
            else:
                melted = True
                alone.append(_written_after(lm, ids, letter))
        taken = {prompting.option_tokens(lm, asked.prompt), tuple(bench.choices.tokens)}
        if None in alone or alone[0] == alone[1]:
            faults.append(f"A and B are the tokens {alone[0]} and {alone[1]} after {asked.prompt.text[-12:]!r}")
        elif taken != {tuple(alone)}:
            faults.append(f"A and B are the tokens {tuple(alone)}, but the logits of {sorted(taken)} are read")
    found = all_right(faults, len(bench.pairs), "pairs of answer tokens", "change the prefill of the pack")
    note = (
        " The tokenizer would join the letter with what is before it; it is read as a token of its own."
        if melted
        else ""
    )
    return found._replace(detail=found.detail + note)


def _written_after(lm: LanguageModel, ids: list[int], letter: str) -> int | None:
    """The one token after `ids` that adds just `letter` to the text, None where there is none or several."""
    near = [
        i for token, i in lm.tokenizer.get_vocab().items() if token.endswith(letter) and len(token) <= len(letter) + 1
    ]
    adding = [i for i in near if _decoded(lm, [*ids, i]) == _decoded(lm, ids) + letter]
    return adding[0] if len(adding) == 1 else None


def spans(bench: Bench) -> Finding:
    """Every activity as A, as B and in the feeling prompt: its tokens decode to it, and those before to what is before."""
    texts, pack = [activity.text for activity in bench.pack.activities], bench.pack
    total, faults = 3 * len(texts), []
    asked = [bench.ask_pair(first, second) for first, second in zip(texts, [*texts[1:], texts[0]], strict=True)]
    asked += [bench.ask(pack.prompts.feeling, {"activity": text}) for text in texts]
    for one in asked:
        faults += [fault for name in one.values if (fault := _span_fault(bench.lm, one, name))]
    return all_right(faults, total, "spans", "word the activity so that it begins and ends on token borders")


def _span_fault(lm: LanguageModel, asked: Asked, name: str) -> str:
    """Why the tokens of one value are not those of its place in the text, or ""."""
    prompt, value = asked.prompt, asked.values[name]
    first, last = prompt.spans[name]
    ids = list(prompt.ids)
    found = _decoded(lm, ids[first:last])
    if squeezed(found) != squeezed(value):
        return f"the tokens found for {value[:40]!r} decode to {found[:40]!r}"
    message = asked.template.format(**asked.values)
    before = prompt.text[: prompt.text.index(message)]
    before += asked.template[: asked.template.index(f"{{{name}}}")].format(**asked.values)
    bos = _decoded(lm, front_of(lm)) or (str(lm.tokenizer.bos_token) if lm.tokenizer.bos_token_id is not None else "")
    decoded = _decoded(lm, ids[:first])
    if bos and not prompt.text.startswith(bos):
        decoded = decoded.removeprefix(bos)
    if squeezed(decoded) != squeezed(before):
        return f"the tokens found for {value[:40]!r} are in another place"
    return ""

"""A writer's thoughts are no part of its text."""

from emotion_vectors.lm.writers.base import read_text
from lm.test_messages import with_template


def test_a_writers_thoughts_are_no_part_of_its_text():
    lm = with_template(None)
    lm.tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<thought>", "</thought>", "<|channel|>", "<|message|>", "<|end|>"]}
    )

    def written(text):
        return read_text(lm, lm.tokenizer(text, add_special_tokens=False)["input_ids"])

    assert written("<thought>\nA plan.\n</thought>\n\nOnce there was a sea.<|im_end|>") == "Once there was a sea."
    assert (
        written("<thought>\nA plan that never") == ""
        and written("Once there was a sea.<|im_end|>") == "Once there was a sea."
    )
    assert written("<|channel|>analysis<|message|>A plan.") == ""

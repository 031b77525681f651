"""A field that a server refuses is sent in its other form."""

from __future__ import annotations

import json

import pytest

from emotion_vectors.errors import UserError
from lm.servers import Reply, completion, serving
from lm.writers.serving import SAMPLING, requests, texts, writer

# What servers say (OpenAI's, Mistral's and vLLM's forms), the field that they refuse, what is sent instead, what the record says.
FORMS = {
    "tokens": ({"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}, ["max_tokens"], {"max_completion_tokens": 33}, "max_completion_tokens"),
    "seed": ({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, ["seed"], {"random_seed": 10_000_000_000 % (2**31 - 1)}, "random_seed"),
    "no seed": ({"error": {"message": "Unknown field: {}"}}, ["seed", "random_seed"], {}, "no seed"),
    "temperature": ({"error": {"message": "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported."}}, ["temperature"], {}, "no temperature"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMS)
def test_a_field_that_a_server_refuses_is_sent_in_its_other_form_and_recorded(kind):
    said, refused, instead, told = FORMS[kind]

    def choosy(body, number):
        for name in refused:
            if name in body:
                return Reply(json.dumps(said).replace("{}", name).encode(), 400)
        return Reply(completion("A story."))

    with serving(choosy) as seen:
        made = writer(seen, concurrency=8)
        assert len(list(made.write(requests(12), SAMPLING))) == 12
        assert len(list(made.write(requests(3), SAMPLING))) == 3
    assert len(seen.bodies) == 15 + len(refused), "each form is tried once and remembered"
    assert not set(refused) & set(seen.bodies[-1])
    assert instead.items() <= seen.bodies[len(refused)].items()
    assert made.name == f"server big-model ({told})"


def test_a_value_that_a_server_refuses_is_for_the_user_to_mend():
    said = json.dumps({"error": {"message": "temperature must be at most 0.5"}}).encode()
    with serving(lambda body, number: Reply(said, 400)) as seen, pytest.raises(UserError, match=r"at most 0\.5"):
        texts(seen, requests(3))
    assert len(seen.bodies) == 1

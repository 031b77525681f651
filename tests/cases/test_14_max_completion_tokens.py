"""Case 14: servers that refuse a field of the request (picoclaw#16, 9router#560, litellm#6856), in the words of several of them."""

import json

import pytest
from lm.servers import Reply, completion, serving

from emotion_vectors.errors import UserError
from emotion_vectors.lm.writers.base import Request, Sampling
from emotion_vectors.lm.writers.server_writer import ServerWriter

pytestmark = pytest.mark.case
# The refused fields, status and body of the refusal, what is sent instead, and what the record says.
REFUSED = {
    "OpenAI's tokens": (["max_tokens"], 400, {"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}, {"max_completion_tokens": 33}, "max_completion_tokens"),
    "name in param alone": (["max_tokens"], 400, {"error": {"message": "Unsupported parameter.", "param": "max_tokens", "code": "unsupported_parameter"}}, {"max_completion_tokens": 33}, "max_completion_tokens"),
    "Google's seed": (["seed", "random_seed"], 400, [{"error": {"code": 400, "message": "Invalid JSON payload received. Unknown name \"FIELD\": Cannot find field."}}], {}, "no seed"),
    "Mistral's seed": (["seed"], 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, {"random_seed": 7}, "random_seed"),
    "LiteLLM's seed": (["seed", "random_seed"], 500, {"error": {"message": "litellm.UnsupportedParamsError: does not support parameters: ['FIELD']"}}, {}, "no seed"),
    "OpenAI's temperature": (["temperature"], 400, {"error": {"message": "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported."}}, {}, "no temperature"),
    "Moonshot's temperature": (["temperature"], 400, {"error": {"message": "invalid temperature: only 1 is allowed for this model", "type": "invalid_request_error"}}, {}, "no temperature"),
    "Bedrock's temperature": (["temperature"], 400, {"message": "`temperature` is deprecated for this model."}, {}, "no temperature"),
    "one of the two": (["top_p"], 400, {"error": {"message": "`temperature` and `top_p` cannot both be specified for this model. Please use only one."}}, {"temperature": 0.7}, "no top_p"),
    "with status 200": (["max_tokens"], 200, {"error": {"message": "Unsupported parameter: max_tokens"}}, {"max_completion_tokens": 33}, "max_completion_tokens"),
    "as plain text": (["stream"], 400, "unknown field: stream", {}, "no stream"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_the_request_takes_the_form_that_the_server_wants(monkeypatch, kind):
    monkeypatch.setenv("no_proxy", "*")
    fields, status, said, instead, told = REFUSED[kind]

    def choosy(body, number):
        for name in fields:
            if name in body:
                words = said if isinstance(said, str) else json.dumps(said)
                return Reply(words.replace("FIELD", name).encode(), status)
        return Reply(completion("A story."))

    with serving(choosy) as seen:
        made = ServerWriter(seen.url, "small", timeout=5.0, first_wait=0.01, tries=2)
        wanted = [Request(f"r{n}", (1,), 7, f"Write story {n}.") for n in range(6)]
        found = list(made.write(wanted, Sampling(temperature=0.7, top_p=0.9, max_new_tokens=33)))
    assert [one.text for one in found] == ["A story."] * 6 and made.name == f"server small ({told})"
    assert instead.items() <= seen.bodies[-1].items() and not set(fields) & set(seen.bodies[-1])
    # Only the first request is asked again, and every field that was not refused is still sent.
    assert len(seen.bodies) == 6 + len(fields) * (2 if status == 500 else 1)
    assert {"temperature", "top_p", "max_tokens", "seed", "n", "stream"} - set(fields) <= set(seen.bodies[-1])


def test_a_value_out_of_range_is_the_users_to_mend(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    said = {"error": {"message": "max_tokens is too large: 33. This model supports at most 16."}}
    with (
        serving(lambda body, number: Reply(json.dumps(said).encode(), 400)) as seen,
        pytest.raises(UserError, match="at most 16"),
    ):
        list(ServerWriter(seen.url, "small").write([Request("r", (1,), 7, "Write.")], Sampling(max_new_tokens=33)))
    assert len(seen.bodies) == 1

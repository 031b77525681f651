"""A wrong or a missing model is refused with what to do."""

from dataclasses import replace

import pytest

from emotion_vectors import UserError
from emotion_vectors.explorer.models import Models
from emotion_vectors.explorer.runs import open_run


def test_the_wrong_or_a_missing_model_is_refused_with_what_to_do(toy_run, tmp_path):
    run = open_run("toy", toy_run)
    assert Models().of(run).lm.name == "toy"
    with pytest.raises(UserError, match=r"isn't here.*--model"):
        Models(override=str(tmp_path / "nowhere")).of(run)
    other = run.record.model.model_copy(update={"sha256": "other"})
    with pytest.raises(UserError, match="not those that the vectors were made from"):
        Models().of(replace(run, record=run.record.model_copy(update={"model": other})))
    with pytest.raises(UserError, match="no vectors yet"):
        Models().of(open_run("x", tmp_path))

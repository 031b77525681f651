"""Case 11: control vectors whose layers are numbered in other ways: with direction.0, or from the end (repeng#5, #42)."""

import gguf
import numpy as np
import pytest

from cases.saved import command, random_model, refusal, save, tokenizer
from emotion_vectors.vectors.file import EmotionVectors

pytestmark = pytest.mark.case


def write(path, numbers, kind=np.float32):
    """A file as repeng makes it; what its direction.N holds is drawn from |N|."""
    made = gguf.GGUFWriter(path, "controlvector")
    made.add_string("controlvector.model_hint", "llama")
    made.add_uint32("controlvector.layer_count", len(numbers))
    for number in numbers:
        made.add_tensor(f"direction.{number}", drawn(number).astype(kind))
    made.write_header_to_file(), made.write_kv_data_to_file(), made.write_tensors_to_file(), made.close()
    return path


def drawn(number):
    return np.random.default_rng(abs(number)).normal(size=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    words = tokenizer()
    place = tmp_path_factory.mktemp("case")
    save(random_model(words), words, place / "m")
    return place


def load(folder, file):
    out = file.with_suffix(".safetensors")
    return command("import", f"calm={file}", "--model", folder / "m", "--out", out, "--device", "cpu"), out


# The numbers in the file, and which of them is which block of a model of four.
NUMBERED = {
    "1 to 3": ([1, 2, 3], {1: 1, 2: 2, 3: 3}),
    "0 to 3": ([0, 1, 2, 3], {1: 1, 2: 2, 3: 3}),
    "from the end": ([-1, -2, -3], {3: -1, 2: -2, 1: -3}),
    "all from the end": ([-1, -2, -3, -4], {3: -1, 2: -2, 1: -3}),
    "only 2": ([2], {2: 2}),
}


@pytest.mark.parametrize("kind", [np.float32, np.float16], ids=["float32", "float16"])
@pytest.mark.parametrize("name", NUMBERED)
def test_every_block_from_1_up_gets_its_direction(folder, name, kind):
    numbers, places = NUMBERED[name]
    done, out = load(folder, write(folder / f"{kind.__name__}{len(numbers)}{numbers[0]}.gguf", numbers, kind))
    assert done.exit_code == 0, done.output or done.exception
    assert ("direction.0 is left out" in done.output.replace("\n", " ")) == (len(numbers) == 4)
    found = EmotionVectors.load(out)
    assert list(found.layers) == sorted(places)
    for layer, number in places.items():
        np.testing.assert_allclose(found.at(layer)[0], drawn(number).astype(kind), rtol=1e-6)


@pytest.mark.parametrize(
    ("numbers", "said"), [([0], "other than direction.0"), ([-5], "the model has 4 blocks"), ([-1, 3], "two directions for block 3"), ([-4], "block 0 alone"), ([2, 9], "give the model they come from")],
)  # fmt: skip
def test_numbers_that_mean_no_block_are_refused_in_words(folder, numbers, said):
    file = write(folder / f"bad{len(numbers)}{numbers[0]}.gguf", numbers)
    assert said in refusal(
        "import", f"calm={file}", "--model", folder / "m", "--out", folder / "never.safetensors", "--device", "cpu"
    )
    assert not (folder / "never.safetensors").exists()

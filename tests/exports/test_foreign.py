"""Other people's vectors: what repeng's own writing leaves is read, what does not fit is refused, steering does as theirs."""

import gguf
import numpy as np
import pytest
import torch
from tiny import tiny

from emotion_vectors.errors import UserError
from emotion_vectors.exports import export_vectors
from emotion_vectors.exports.foreign import import_vectors, mean_norms
from emotion_vectors.lm.prompts import chat_prompt
from emotion_vectors.stimuli import load_pack
from emotion_vectors.vectors.file import EmotionVectors
from exports.worlds import EMOTIONS, logits, some_vectors

PACK = load_pack("ours")


def as_repeng_writes(path, directions, hint="llama"):
    """The calls of repeng's `ControlVector.export_gguf`, with the gguf package."""
    writer = gguf.GGUFWriter(path, "controlvector")
    writer.add_string("controlvector.model_hint", hint)
    writer.add_uint32("controlvector.layer_count", len(directions))
    for layer in directions:
        writer.add_tensor(f"direction.{layer}", directions[layer])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(path)


def some_directions(seed, layers=(3, 2, 1), width=32):
    generator = np.random.default_rng(seed)
    return {layer: generator.normal(size=width).astype(np.float32) for layer in layers}


def test_repeng_files_become_emotions(tmp_path):
    theirs = {name: some_directions(i) for i, name in enumerate(("calm", "angry"))}
    files = [as_repeng_writes(tmp_path / f"{name}.gguf", found) for name, found in theirs.items()]
    found = import_vectors(["peace=" + files[0], files[1]], "repeng", tiny(), PACK)
    assert found.emotions == ("peace", "angry") and found.kind == "raw" and found.layer == 2
    for layer in (1, 2, 3):
        assert (found.at(layer)[0] == theirs["calm"][layer]).all()
        assert (found.at(layer)[1] == theirs["angry"][layer]).all()
    assert found.header["layers_given"] == [1, 2, 3] == list(found.layers)
    found.save(tmp_path / "theirs.safetensors")
    assert EmotionVectors.load(tmp_path / "theirs.safetensors").header == found.header


@pytest.mark.slow
def test_the_residual_norm_is_measured_on_the_questions_one_by_one():
    lm, total, tokens = tiny(), np.zeros(4), 0
    for question in PACK.neutral_questions[:]:
        prompt = chat_prompt(lm, "{q}", {"q": question})
        first, last = prompt.spans["q"]
        kept = []
        handles = [
            block.register_forward_hook(lambda _, __, output, kept=kept: kept.append(output[0]))
            for block in lm.parts.blocks
        ]
        with torch.inference_mode():
            lm.model(input_ids=torch.tensor([prompt.ids]))
        for handle in handles:
            handle.remove()
        total += [float(residual.norm(dim=-1)[first:last].sum()) for residual in kept]
        tokens += last - first
    np.testing.assert_allclose(mean_norms(lm, PACK), total / tokens, rtol=1e-4)


def test_a_round_trip_through_gguf_steers_alike(tmp_path):
    some_vectors().save(tmp_path / "vectors.safetensors")
    files = export_vectors(tmp_path / "vectors.safetensors", "gguf", tmp_path / "out", layers="1-3")
    back = import_vectors([str(file) for file in files], "repeng", tiny(), PACK)
    assert back.emotions == EMOTIONS
    np.testing.assert_allclose(back.unit(2), some_vectors().unit(2), atol=1e-6)
    before = logits({2: some_vectors().unit(2)[0] * 4})
    np.testing.assert_allclose(logits({2: back.unit(2)[0] * 4}), before, atol=2e-5)


def test_npz_with_and_without_names(tmp_path):
    some_vectors().save(tmp_path / "vectors.safetensors")
    [named] = export_vectors(tmp_path / "vectors.safetensors", "npz", tmp_path / "v.npz", layers="1-2")
    found = import_vectors([str(named)], "npz", tiny(), PACK)
    assert found.emotions == EMOTIONS and found.header["layers_given"] == [1, 2]
    assert (found.raw[1:3] == some_vectors().raw[1:3]).all()
    cube = np.ascontiguousarray(some_vectors().raw.transpose(1, 0, 2))
    np.savez_compressed(tmp_path / "bare.npz", cube)
    found = import_vectors([str(tmp_path / "bare.npz")], "npz", tiny(), PACK, layer=0, names=["a", "b", "c"])
    assert (found.raw == some_vectors().raw).all() and found.layer == 0 and found.emotions == ("a", "b", "c")


def imported_in_part(folder):
    """Vectors of our tiny model imported from an npz of layers 1 and 2, and read back from their file."""
    some_vectors().save(folder / "vectors.safetensors")
    [npz] = export_vectors(folder / "vectors.safetensors", "npz", folder / "v.npz", layers="1-2")
    import_vectors([str(npz)], "npz", tiny(), PACK).save(folder / "theirs.safetensors")
    return EmotionVectors.load(folder / "theirs.safetensors")


def test_imported_vectors_read_a_text_as_the_definition_says(tmp_path):
    lm, theirs = tiny(), imported_in_part(tmp_path)
    found = theirs.read(lm, "One day the sea was calm", emotions=["on edge"], layers=[1, 2])
    assert found.centred is None
    with torch.inference_mode():
        states = lm.model(input_ids=torch.tensor([found.ids]), output_hidden_states=True).hidden_states
    for column, layer in enumerate((1, 2)):
        residual, row = states[layer + 1][0].numpy().astype(float), some_vectors().raw[layer, 1].astype(float)
        cosines = residual @ row / np.linalg.norm(row) / np.linalg.norm(residual, axis=1)
        np.testing.assert_allclose(found.raw[:, 0, column], cosines, atol=1e-5)


def test_imported_vectors_steer_as_a_plain_hook(tmp_path):
    lm, theirs = tiny(), imported_in_part(tmp_path)
    mix = {"calm": 0.5, "angry": -0.2}
    norms = mean_norms(lm, PACK)
    plain = {}
    for layer in (1, 2):
        rows = some_vectors().raw[layer].astype(float) / np.linalg.norm(some_vectors().raw[layer], axis=1)[:, None]
        plain[layer] = (0.5 * rows[0] - 0.2 * rows[2]) * norms[layer] / 2
    with theirs.steer(lm, mix, layers=[1, 2]), torch.inference_mode():
        steered = lm.model(input_ids=torch.arange(2, 12)[None]).logits[0].numpy()
    np.testing.assert_allclose(steered, logits(plain), atol=2e-5)
    assert np.abs(steered - logits()).max() > 1e-2


@pytest.mark.parametrize("use", ["read", "steer", "export", "similarity"])
def test_a_layer_that_the_source_lacks_is_refused_and_not_zero(use, tmp_path):
    lm, theirs = tiny(), imported_in_part(tmp_path)
    with pytest.raises(UserError, match="has none at layer 3; choose one of 1, 2") as caught:
        if use == "read":
            theirs.read(lm, "One day", layers=[2, 3])
        elif use == "steer":
            theirs.steer(lm, {"calm": 0.5}, layers=3)
        elif use == "similarity":
            theirs.similarity(3)
        else:
            export_vectors(tmp_path / "theirs.safetensors", "gguf", tmp_path / "out", layers="2-3")
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_all_layers_of_an_import_are_those_that_it_has(tmp_path):
    imported_in_part(tmp_path)
    [npz] = export_vectors(tmp_path / "theirs.safetensors", "npz", tmp_path / "again.npz")
    with np.load(npz, allow_pickle=False) as arrays:
        assert arrays["layers"].tolist() == [1, 2]
    cube = some_vectors().raw.transpose(1, 0, 2).copy()
    cube[1, 3] = 0
    np.savez(tmp_path / "zero.npz", vectors=cube, emotions=np.array(EMOTIONS))
    assert import_vectors([str(tmp_path / "zero.npz")], "npz", tiny(), PACK).layers == (0, 1, 2)


@pytest.mark.parametrize("given", [[1, 9], [0, 1], "2", [2.0], [True, 2], {}])
def test_a_file_with_a_wrong_list_of_layers_is_refused(given, tmp_path):
    vectors = some_vectors()
    vectors.header["layers_given"] = given
    vectors.save(tmp_path / "wrong.safetensors")
    with pytest.raises(UserError, match=r"list of layers is not valid|analysis layer has no vectors"):
        EmotionVectors.load(tmp_path / "wrong.safetensors")


def test_direction_0_is_left_out_and_said(tmp_path, capsys):
    """repeng trained on all its layers writes one; llama.cpp steps over it."""
    theirs = some_directions(0, layers=(0, 1, 2, 3))
    found = import_vectors([as_repeng_writes(tmp_path / "calm.gguf", theirs)], "repeng", tiny(), PACK)
    assert found.layers == (1, 2, 3) and found.header["layers_left_out"] == [0]
    assert all((found.at(layer)[0] == theirs[layer]).all() for layer in (1, 2, 3))
    plain = import_vectors([as_repeng_writes(tmp_path / "b.gguf", some_directions(0))], "repeng", tiny(), PACK)
    assert "layers_left_out" not in plain.header
    with pytest.raises(UserError, match=r"no direction\.N other than direction\.0"):
        import_vectors([as_repeng_writes(tmp_path / "c.gguf", some_directions(0, layers=(0,)))], "repeng", tiny(), PACK)


def npz_of(folder, **arrays):
    cube = np.ascontiguousarray(some_vectors().raw.transpose(1, 0, 2))
    np.savez(folder / "x.npz", **{"vectors": cube} | arrays)
    return [str(folder / "x.npz")]


@pytest.mark.parametrize(
    "names", [np.array(EMOTIONS, dtype="S"), np.array([f" {name} " for name in EMOTIONS]), np.array(EMOTIONS)]
)
@pytest.mark.parametrize("layers", [np.arange(4.0), np.arange(4, dtype=np.uint8)])
def test_names_and_layers_of_other_kinds_are_read(names, layers, tmp_path):
    found = import_vectors(npz_of(tmp_path, emotions=names, layers=layers), "npz", tiny(), PACK)
    assert found.emotions == EMOTIONS and (found.raw == some_vectors().raw).all()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"emotions": np.array(EMOTIONS, dtype=object)}, "'emotions' holds Python objects, .* dtype=str"),
        ({"emotions": np.array(["a", "b ", "b"])}, "'b' is given twice"),
        ({"emotions": np.array(["a", " ", "b"])}, "not the name of an emotion"),
        ({"emotions": np.array([b"a", b"\xff", b"b"])}, "can't decode"),
        ({"emotions": np.array(EMOTIONS), "layers": np.array([0, 1, 2.5, 3])}, r"the layer 2\.5 is not a whole number"),
        ({"emotions": np.array(EMOTIONS), "layers": np.array([0, 1, np.nan, 3])}, "not an npz"),
    ],
)
def test_names_and_layers_that_can_not_be_read_are_said(arrays, said, tmp_path):
    with pytest.raises(UserError, match=said):
        import_vectors(npz_of(tmp_path, **arrays), "npz", tiny(), PACK)


def damaged(kind, folder):
    """Arguments of an import that must be refused."""
    good = as_repeng_writes(folder / "calm.gguf", some_directions(0))
    npz = folder / "v.npz"
    cube = np.ones((2, 4, 32), dtype=np.float32)
    if kind == "nan":
        return (
            [as_repeng_writes(folder / "n.gguf", some_directions(0) | {2: np.full(32, np.nan, np.float32)})],
            "repeng",
            {},
        )
    if kind == "width":
        return [as_repeng_writes(folder / "w.gguf", some_directions(0, width=64))], "repeng", {}
    if kind == "deep":
        return [as_repeng_writes(folder / "d.gguf", some_directions(0, layers=(2, 7)))], "repeng", {}
    if kind == "no analysis layer":
        return [as_repeng_writes(folder / "l.gguf", some_directions(0, layers=(1, 3)))], "repeng", {}
    if kind == "zero":
        return [as_repeng_writes(folder / "z.gguf", some_directions(0) | {2: np.zeros(32, np.float32)})], "repeng", {}
    if kind == "twice":
        return [good, good], "repeng", {}
    if kind == "missing":
        return [str(folder / "none.gguf")], "repeng", {}
    if kind == "a model":
        writer = gguf.GGUFWriter(folder / "m.gguf", "llama")
        writer.add_tensor("direction.2", np.ones(32, np.float32))
        writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file(), writer.close()
        return [str(folder / "m.gguf")], "repeng", {}
    if kind == "pickled":
        np.savez(npz, vectors=np.array([[[{"a": 1}]]], dtype=object))
    elif kind == "no names":
        np.savez(npz, cube)
    elif kind == "bomb":
        np.savez_compressed(npz, vectors=np.zeros((2, 4, 4_000_000), dtype=np.int8).view("i1"))
    elif kind == "layers not counted":
        np.savez(npz, vectors=cube[:, :3], emotions=np.array(["a", "b"]))
    elif kind == "flat":
        np.savez(npz, vectors=cube[0])
    else:
        np.savez(npz, vectors=np.full_like(cube, np.inf), emotions=np.array(["a", "b"]))
    return [str(npz)], "npz", {}


REFUSED = {
    "nan": "not finite", "width": "width 64", "deep": "layers up to 7", "no analysis layer": "no vectors at layer 2",
    "zero": "length 0", "twice": "given twice", "missing": "Can't read", "a model": "contains a 'llama'", "pickled": "not an npz",
    "no names": "2 vectors and 0 names", "bomb": "not an npz", "layers not counted": "3, but", "flat": "2 dimensions", "inf": "not finite",
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(kind, tmp_path):
    files, format, options = damaged(kind, tmp_path)
    with pytest.raises(UserError, match=REFUSED[kind]) as caught:
        import_vectors(files, format, tiny(), PACK, **options)
    assert "\n" not in str(caught.value)

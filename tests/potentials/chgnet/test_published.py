"""Models come from weights, files and seeds, and a saved one is chgnet's own kind of file."""

import pytest
import torch

from rungs.errors import StudyError
from rungs.potentials.chgnet.forward import BatchedCHGNet
from rungs.potentials.chgnet.published import PUBLISHED, load_published
from rungs.potentials.model_files import load_extra, load_model, save_model
from rungs.potentials.models import new_model


def predict(model, structures, store_of):
    batch = store_of(model, structures).batch(range(len(structures)))
    return BatchedCHGNet(model)(batch, create_graph=False)


def same(a, b) -> bool:
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for name in ("energy", "forces", "stress", "magmoms")
    )


def test_loading_is_silent(architecture, tmp_path, capsys):
    for name in PUBLISHED:
        load_published(name)
    save_model(new_model(architecture, 0), tmp_path / "model.pt")
    load_model(tmp_path / "model.pt")
    assert capsys.readouterr() == ("", "")


def test_an_unknown_name():
    with pytest.raises(StudyError, match=r"no published CHGNet '0\.4\.0'"):
        load_published("0.4.0")


def test_a_saved_model_loads_with_chgnet_and_predicts_the_same(
    model, structures, store_of, chgnet_of, tmp_path
):
    from chgnet.model import CHGNet

    with torch.no_grad():
        model.composition_model.fc.weight += 0.25
    save_model(model, tmp_path / "model.pt", {"method": "scratch", "size": 10})
    chosen = structures[3:8]
    expected = predict(model, chosen, store_of)
    for loaded in (CHGNet.from_file(tmp_path / "model.pt"), load_model(tmp_path / "model.pt")):
        assert loaded.composition_model.fitted
        assert same(expected, predict(loaded, chosen, store_of))
    theirs = chgnet_of(CHGNet.from_file(tmp_path / "model.pt"), chosen, together=False)
    assert torch.allclose(theirs["energy"], expected.energy, atol=1e-5)
    assert load_extra(tmp_path / "model.pt") == {"method": "scratch", "size": 10}


def test_a_saved_model_no_longer_claims_to_be_published(tmp_path):
    save_model(load_published("0.3.0"), tmp_path / "model.pt")
    assert load_model(tmp_path / "model.pt").version is None


def test_saving_does_not_depend_on_precision_or_name(architecture, tmp_path):
    model = new_model(architecture, 0)
    save_model(model, tmp_path / "a.pt")
    save_model(model.double(), tmp_path / "b.pt")
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_reference_energies_given_as_a_module(architecture, tmp_path):
    from chgnet.model import CHGNet
    from chgnet.model.composition_model import AtomRef

    reference = AtomRef()
    reference.initialize_from("MP-r2SCAN")
    model = CHGNet(composition_model=reference, **architecture.model_dump())
    save_model(model, tmp_path / "model.pt")
    loaded = CHGNet.from_file(tmp_path / "model.pt")
    assert torch.equal(loaded.composition_model.fc.weight, reference.fc.weight)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_files_of_the_chgnet_package_load(name, structures, store_of):
    from pathlib import Path

    import chgnet

    (path,) = (Path(chgnet.__file__).parent / "pretrained" / name).glob("*.tar")
    chosen = structures[4:6]
    assert same(
        predict(load_model(path), chosen, store_of), predict(load_published(name), chosen, store_of)
    )


def test_bad_files_are_named(tmp_path, architecture):
    path = tmp_path / "model.pt"
    with pytest.raises(StudyError, match=r"model\.pt: no such model file"):
        load_model(path)
    save_model(new_model(architecture, 0), path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:1000], whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(StudyError, match=r"model\.pt: cannot be read as a model file"):
            load_model(path)
    with pytest.raises(StudyError, match="cannot be opened"):
        load_model(tmp_path)
    for content in ({"weights": torch.zeros(3)}, [1, 2], {"model": {"state_dict": {}}}):
        torch.save(content, path)
        with pytest.raises(StudyError, match=r"model\.pt: holds no model"):
            load_model(path)
    model = new_model(architecture, 0)
    for damaged in (
        {"state_dict": {}, "model_args": model.model_args},
        {"state_dict": model.state_dict(), "model_args": {**model.model_args, "n_conv": 4}},
        {"state_dict": model.state_dict(), "model_args": {"composition_model": "unknown"}},
    ):
        torch.save({"model": damaged}, path)
        with pytest.raises(StudyError, match=r"model\.pt: its weights do not fit"):
            load_model(path)


class Malicious:
    """Unpickling runs code; loading a model must not."""

    def __reduce__(self):
        return (print, ("code was run",))


def test_loading_runs_no_code(tmp_path, capsys):
    torch.save({"model": Malicious()}, tmp_path / "model.pt")
    with pytest.raises(StudyError, match="more than tensors and plain values"):
        load_model(tmp_path / "model.pt")
    assert "code was run" not in capsys.readouterr().out


def test_new_models_depend_on_the_seed_alone(architecture):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, other = new_model(architecture, 7), new_model(architecture, 2**62 + 1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = new_model(architecture, 7)
    for (name, a), b in zip(first.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert not torch.equal(first.mlp.layers[0].weight, other.mlp.layers[0].weight)
    assert first.composition_model.fitted

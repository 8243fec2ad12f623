"""What a check finds in frames: copies, leaks, references, labels."""

import pytest
import yaml

from rungs.preflight.check import _undetermined


@pytest.fixture
def proposed(init, write, tmp_path, copper, gold):
    """A study whose target can be changed before it is checked."""

    def make(**options):
        target = write.xyz(tmp_path / "target.xyz", gold, **options)
        found = init(write.xyz(tmp_path / "cheap_PBE.xyz", copper), target)
        assert found.status == 0, found.err
        return found

    return make


def test_a_wrong_sign_is_a_cross(proposed, check):
    found = proposed()
    values = yaml.safe_load(found.path.read_text(encoding="utf-8"))
    values["target"]["data"]["stress_sign"] = "compression_positive"
    found.path.write_text(yaml.safe_dump(values), encoding="utf-8")
    checked = check(found.path)
    assert checked.status == 1
    assert "energies and stress do not belong together" in checked.out


def test_identical_frames_that_join_materials_are_named(proposed, check, write, tmp_path, gold):
    found = proposed()
    # the first frame of every material becomes that of the first material
    alike = [
        type(frame)(frame.material, gold[0].atoms, gold[0].energy, gold[0].forces, gold[0].stress)
        if k % 4 == 0
        else frame
        for k, frame in enumerate(gold)
    ]
    write.xyz(tmp_path / "target.xyz", alike)
    checked = check(found.path)
    assert "12 share identical frames and make 1 unit of the split" in checked.out
    assert checked.status == 1


def test_a_copy_of_a_training_frame_in_the_test_file(proposed, check, write, tmp_path, gold):
    found = proposed()
    write.xyz(tmp_path / "target.xyz", gold[:40])
    write.xyz(tmp_path / "test.xyz", [gold[0], *gold[40:]])
    values = yaml.safe_load(found.path.read_text(encoding="utf-8"))
    values["target"]["data"]["test"] = ["test.xyz"]
    found.path.write_text(yaml.safe_dump(values), encoding="utf-8")
    checked = check(found.path)
    assert checked.status == 1
    assert "are copies of training frames" in checked.out


def test_rejected_frames_are_counted_with_an_example(proposed, check, write, tmp_path, gold):
    found = proposed()
    first = gold[0]
    broken = [type(first)("m00", first.atoms, first.energy, first.forces * 1e6, first.stress)]
    write.xyz(tmp_path / "target.xyz", [*broken, *gold[1:]])
    checked = check(found.path)
    assert "1 for force" in checked.out
    assert "target:0" in checked.out


def test_energies_alone_are_told(proposed, check):
    checked = check(proposed(keys=("energy", None, None)).path)
    assert checked.status == 0
    assert "labels: energy, no forces, no stress" in checked.out


def test_nothing_is_left_in_the_folder(proposed, check):
    found = proposed()
    before = sorted(path.name for path in found.path.parent.iterdir())
    check(found.path)
    assert sorted(path.name for path in found.path.parent.iterdir()) == before


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{0: 1.0}], {"Li", "O"}),
        ([{0: 0.5, 2: 0.5}], {"H", "Li", "O"}),
        ([{0: 0.5, 2: 0.5}, {0: 1.0}], {"O"}),
        ([{0: 0.5, 2: 0.5}, {0: 0.5, 2: 0.5}], {"H", "Li", "O"}),
        ([{0: 1.0}, {2: 1.0}, {7: 1.0}], set()),
        ([{0: 1 / 3, 7: 2 / 3}, {0: 2 / 3, 7: 1 / 3}], {"Li"}),
    ],
)
def test_elements_that_a_fit_does_not_determine(rows, expected):
    named = {str(k): row for k, row in enumerate(rows)}
    assert set(_undetermined(list(named), named, {0, 2, 7})) == expected


def test_without_frames_nothing_is_determined():
    assert _undetermined([], {}, {0, 7}) == ["H", "O"]

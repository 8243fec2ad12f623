"""What is proposed of sizes, elements and divisions."""

import pytest

from rungs.preflight.proposal import divide, nearest, plan_for, sizes_for
from rungs.splits.members import Member


@pytest.mark.parametrize("n_train", [1, 2, 3, 5, 16, 42, 89, 214, 572, 1999, 3000, 80_000])
@pytest.mark.parametrize("has_gpu", [False, True])
def test_sizes_rise_from_0_and_fit(n_train, has_gpu):
    sizes = sizes_for(n_train, has_gpu=has_gpu)
    assert sizes[0] == 0
    assert sizes == sorted(set(sizes))
    assert sizes[-1] <= n_train
    assert 2 <= len(sizes) <= 6


def test_sizes_cover_a_decade_or_two():
    assert sizes_for(214) == [0, 4, 15, 56, 210]
    assert sizes_for(572)[-1] / sizes_for(572)[1] >= 100


def test_a_cpu_is_not_asked_for_weeks():
    assert sizes_for(80_000)[-1] == 2000
    assert sizes_for(80_000, has_gpu=True)[-1] == 50_000


@pytest.mark.parametrize(
    ("element", "known", "expected"),
    [
        ("Ge", {"Si", "Ga", "As"}, "Si"),
        ("Au", {"Ag", "Pt"}, "Ag"),
        ("Pb", {"Sn", "C", "Tl"}, "Sn"),
        ("Eu", {"La", "Gd", "Ba"}, "Gd"),
        ("Fe", {"O", "Co"}, "Co"),
    ],
)
def test_the_nearest_element(element, known, expected):
    assert nearest(element, known) == expected


def members(n_materials: int, each: int) -> list[Member]:
    return [
        Member(f"f{m}-{k}", f"m{m}", None, f"{m}-{k}".encode())
        for m in range(n_materials)
        for k in range(each)
    ]


def test_a_division_has_materials_in_each_part():
    found = divide(members(30, 2), members(30, 2), None)
    assert found.values == {"test": 0.1, "validation": 0.1}
    assert all(found.counts["target", part] for part in ("train", "validation", "test"))


def test_few_materials_are_divided_more_coarsely():
    found = divide([], members(5, 1), None)
    assert found.counts["target", "test"] >= 1
    assert found.counts["target", "train"] >= 2


def test_a_published_division_is_kept():
    listed = {"m1": "test", "m2": "validation"}
    found = divide([], members(10, 2), listed)
    assert found.values == {}
    of_target = {key: count for key, count in found.counts.items() if key[0] == "target"}
    assert of_target == {
        ("target", "train"): 16,
        ("target", "validation"): 2,
        ("target", "test"): 2,
    }


def plan(**options):
    given = {
        "published": None,
        "n_source": 200,
        "n_target": 100,
        "mean_atoms": (8.0, 8.0),
        "source_elements": ["Si"],
        "target_elements": ["Ge"],
        "gpu": False,
    }
    return plan_for(**(given | options))


def test_a_new_element_starts_from_its_neighbour():
    methods = plan().methods
    assert methods["target_reference"]["copy_embedding"] == {"Ge": "Si"}
    assert "frozen_reference" not in methods


def test_references_are_safe_for_few_frames_of_several_elements():
    both = ["Si", "O"]
    methods = plan(source_elements=both, target_elements=both).methods
    assert methods["scratch"]["reference"] == "shrunken"
    assert methods["target_reference"]["reference"] == "shrunken_residual"
    assert {m.get("reference_fitted_on") for m in methods.values()} == {"subset", None}


def test_the_network_is_small_without_a_gpu_and_for_few_frames():
    assert plan(n_source=100_000).architecture["n_conv"] == 2
    assert plan(gpu=True).architecture["n_conv"] == 2
    assert plan(n_source=100_000, gpu=True).architecture["n_conv"] == 4


def test_a_published_model_has_its_own_architecture():
    found = plan(published="0.3.0")
    assert found.architecture is None
    assert found.copied == {}


def test_batches_of_large_frames_are_small():
    assert plan(mean_atoms=(180.0, 180.0)).fine_tuning["batch_size"] == 2
    assert plan(mean_atoms=(4.0, 4.0)).fine_tuning["batch_size"] == 16


def test_what_no_frame_is_labelled_with_has_no_weight():
    found = plan(labelled=({"energy", "forces", "stress"}, {"energy"}))
    assert "weights" not in found.pretraining["training"]
    assert found.fine_tuning["weights"] == {"force": 0, "stress": 0}

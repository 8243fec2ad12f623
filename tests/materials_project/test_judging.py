"""The judgement of a calculation's document and rows."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.materials_project.client import _by_id, criteria_of, systems_within, u_values
from rungs.materials_project.corrections import NotCorrectableError, mp2020_correction
from rungs.materials_project.judging import describe, functional, judge_document, judge_rows
from rungs.materials_project.trajectories import Place

from .toy_data import make_toy


@pytest.fixture(scope="module")
def calculation():
    """Document and row of a sound relaxation of MgCl."""
    toy = make_toy()
    number = toy.numbers["NELM"]
    document = next(d for d in toy.tasks if d["structure"]["lattice"] and _is(d, number))
    row = next(r for r in toy.rows if _is({"task_id": r["identifier"]}, number))
    return document, row


def _is(document, number):
    from rungs.materials_project.identifiers import canonical

    return canonical(document["task_id"]) == canonical(f"mp-{number}")


@pytest.fixture
def document(calculation):
    return copy.deepcopy(calculation[0])


@pytest.fixture
def row(calculation):
    return copy.deepcopy(calculation[1])


@pytest.mark.parametrize(
    ("metagga", "run_type", "found"),
    [
        ("R2SCAN", "GGA", "r2SCAN"),
        ("R2scan ", "GGA", "r2SCAN"),
        ("--", "r2SCAN", "GGA_GGA+U"),
        ("None", "GGA+U", "GGA_GGA+U"),
        ("SCAN", "GGA", "SCAN"),
        (None, "r2SCAN", "r2SCAN"),
        (None, "GGA+U", "GGA_GGA+U"),
        (None, "PBE", "PBE"),
    ],
)
def test_the_input_tells_the_functional(document, metagga, run_type, found):
    document["input"]["incar"]["METAGGA"] = metagga
    document["run_type"] = run_type
    assert functional(document) == found


def test_batches_without_a_name_are_open(document):
    arguments = ("a", document, "GGA_GGA+U", ["bad"], False)
    assert judge_document(*arguments) is None
    document["batch_id"] = "bad"
    assert judge_document(*arguments).kind == "restricted: bad"
    assert judge_document("a", document, "GGA_GGA+U", ["bad"], True) is None


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("forces", lambda v: v[:-1], "4 steps of cart_coords but 3 of forces"),
        ("stress", lambda v: v[:-1], "but 3 of stress"),
        ("num_electronic_steps", lambda v: v[:-1], "but 3 of num_electronic_steps"),
        ("e_fr_energy", lambda v: v[:-1], "but 3 of e_fr_energy"),
        ("lattice", lambda v: v[:2], "4 steps but 2 lattices"),
        ("forces", lambda v: [f[:1] for f in v], "forces has shape (4, 1, 3)"),
        ("forces", lambda v: [[f[0][:2], f[1][:2]] for f in v], "forces has shape (4, 2, 2)"),
        ("forces", lambda v: [[[None] * 3] * 2, *v[1:]], "forces has values that are no finite"),
        ("cart_coords", lambda v: [v[0][:1], *v[1:]], "cart_coords is not numbers of shape"),
        ("e_fr_energy", lambda v: [float("inf"), *v[1:]], "no finite"),
        ("forces", lambda _: None, "has no forces"),
        ("e_fr_energy", lambda _: None, "has no e_fr_energy"),
        ("cart_coords", lambda _: [], "has no steps"),
    ],
)
def test_a_row_that_does_not_agree_with_itself(document, row, name, change, reason):
    row[name] = change(row[name])
    kept, refused = judge_rows("a", document, [row])
    assert kept == []
    assert refused[0].kind == "trajectory"
    assert reason in refused[0].reason


@pytest.mark.parametrize(
    ("energy", "without_entropy", "away", "counts"),
    [
        (0.0, None, 0.0, True),  # an old document: only the free energy is there
        (0.0, None, 0.03, True),  # within half an electronic entropy
        (0.0, None, 0.05, False),
        (0.02, 0.04, 0.02, True),
        (0.02, 0.04, 0.06, False),
        (0.02, 0.04, -0.01, False),
    ],
)
def test_the_last_energy_lies_between_those_of_the_row(
    document, row, energy, without_entropy, away, counts
):
    """Energies of the cell of two atoms, relative to the free energy."""
    free = row["e_fr_energy"][-1]
    row["energy"] = [energy and free + energy] * 4
    row["e_wo_entrp"] = without_entropy and [free + without_entropy] * 4
    document["output"]["energy"] = free + away
    kept, _ = judge_rows("a", document, [row])
    assert bool(kept) is counts


def test_a_row_of_another_functional_is_refused(document, row):
    other = copy.deepcopy(row) | {"run_type": "PBEsol"}
    other["e_fr_energy"] = [e - 1 for e in other["e_fr_energy"]]
    other["energy"] = other["e_wo_entrp"] = None
    kept, refused = judge_rows("a", document, [other, row])
    assert [steps.calc for steps in kept] == [1]
    assert (refused[0].identifier, refused[0].kind) == ("a-0", "functional")


def test_moments_go_to_their_atoms_or_to_none(document, row):
    (steps,), _ = judge_rows("a", document, [row])
    assert steps.magmoms is not None
    document["structure"]["sites"].reverse()
    (steps,), _ = judge_rows("a", document, [row])
    assert steps.magmoms is None


def test_the_scheme_refuses_what_it_does_not_cover(document):
    from pymatgen.core import Structure

    structure = Structure.from_dict(document["structure"])
    spec = document["input"]["potcar_spec"]
    right = mp2020_correction(structure, -5.0, "GGA", {}, spec)
    assert right == pytest.approx(-0.614)
    assert mp2020_correction(structure, -5.0, "GGA", {}, None) == right
    for run_type in ("PBE", "r2SCAN"):
        with pytest.raises(NotCorrectableError, match="invalid run type"):
            mp2020_correction(structure, -5.0, run_type, {}, spec)
    with pytest.raises(NotCorrectableError, match="Invalid U value"):
        mp2020_correction(structure, -5.0, "GGA+U", {"Mg": 2.0}, spec)
    with pytest.raises(NotCorrectableError, match="Incompatible POTCAR"):
        mp2020_correction(structure, -5.0, "GGA", {}, [{"titel": "PAW_PBE Mg_sv x"}, *spec[1:]])


@pytest.mark.filterwarnings("ignore:Failed to guess")
def test_the_correction_is_that_of_pymatgens_own_way():
    from pymatgen.core import Structure
    from pymatgen.entries.compatibility import MaterialsProject2020Compatibility
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    toy = make_toy()
    for task in toy.tasks[::3]:
        if functional(task) != "GGA_GGA+U" or task["batch_id"]:
            continue
        described = describe(task, "GGA_GGA+U")
        entry = ComputedStructureEntry(
            Structure.from_dict(task["structure"]),
            task["output"]["energy"],
            parameters={
                "run_type": "GGA+U" if described.u_values else "GGA",
                "hubbards": task["input"]["hubbards"],
                "potcar_spec": task["input"]["potcar_spec"],
            },
        )
        done = MaterialsProject2020Compatibility().process_entry(entry)
        expected = None if done is None else pytest.approx(done.correction)
        assert described.correction == expected


@given(st.sets(st.sampled_from(["Li", "O", "Fe", "Mn", "F"]), min_size=1))
@settings(deadline=None)
def test_every_subsystem_is_asked_for_once(elements):
    systems = systems_within(sorted(elements))
    assert len(systems) == len(set(systems)) == 2 ** len(elements) - 1
    assert all(set(system.split("-")) <= elements for system in systems)
    assert all(system.split("-") == sorted(system.split("-")) for system in systems)


def test_everything_is_asked_for_with_a_criterion():
    """Without one the client fetches its whole bulk file, and ignores everything else."""
    assert criteria_of({"everything": True}) == [{"num_elements": (1, 200)}]


def test_documents_that_come_twice_count_once_whatever_their_order():
    one, other = {"task_id": "mp-149", "n": 2}, {"task_id": "mp-aaaaaaft", "n": 1}
    assert _by_id([one, other], "task_id") == _by_id([other, one], "task_id")
    assert list(_by_id([one, other], "task_id")) == ["aaaaaaft"]


def test_u_values_that_are_zero_are_none():
    assert u_values({"Mn": 3.9, "O": 0.0}) == {"Mn": 3.9}
    assert u_values({"Mn": 3.9}, is_hubbard=False) == u_values(None) == {}


def test_places_are_in_the_tables_order():
    assert sorted([Place("b", 0), Place("a", 10), Place("a", 9)])[0] == Place("a", 9)

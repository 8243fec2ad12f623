"""What is fetched, what is left out and why, from the real client and a real table."""

import json
from collections import Counter

import numpy as np
import pytest

from rungs.config.data import Level
from rungs.config.materials_project import MaterialsProject
from rungs.errors import StudyError
from rungs.frames.frame import Frame, Rejected
from rungs.materials_project.identifiers import canonical
from rungs.sources import provenance, read_source

from .conftest import options_for
from .stand_in import KEY, VERSION
from .toy_data import CATIONS, ELEMENT_ENERGY, letters


def read(options: MaterialsProject, folder) -> tuple[dict[str, Frame], dict[str, Rejected]]:
    """Frames and rejects of a download by id."""
    data = options.model_copy(update={"folder": folder.name})
    level = Level(label="any", functional="any", data=data)
    items = list(read_source(level, folder.parent, 0))
    frames = [item for item in items if isinstance(item, Frame)]
    assert len({frame.frame_id for frame in frames}) == len(frames)
    refused = {item.frame_id: item for item in items if isinstance(item, Rejected)}
    return {frame.frame_id: frame for frame in frames}, refused


@pytest.fixture(scope="module")
def downloaded(finished):
    return read(options_for(), finished)


def of_task(items, number):
    return [item for name, item in items.items() if name.split("-")[1] == str(number)]


def test_every_requested_calculation_is_accounted_for(finished, downloaded, toy):
    manifest = json.loads((finished / "manifest.json").read_text())
    frames, refused = downloaded
    found = {canonical("-".join(name.split("-")[:2])) for name in [*frames, *refused]}
    expected = {
        canonical(name)
        for document in toy.core
        for name, kind in document["task_types"].items()
        if kind in ("Structure Optimization", "Static")
        and document["run_types"][name] in ("GGA", "GGA+U")
    } - {letters(toy.numbers["deprecated GGA"])}
    assert found == expected
    assert manifest["requested"] == len(expected)
    assert manifest["deprecated"] == 1
    assert manifest["frames"] == sum(part["frames"] for part in manifest["parts"])
    assert manifest["database_version"] == VERSION


@pytest.mark.parametrize(
    ("quirk", "kind"),
    [
        ("wrong run type", "functional"),
        ("listed as restricted", "restricted: another_restricted_batch"),
        ("no trajectory", "no trajectory"),
        ("too few forces", "trajectory"),
        ("not finite", "trajectory"),
        ("other last energy", "last energy"),
    ],
)
def test_each_fault_of_a_calculation_has_its_reason(downloaded, toy, quirk, kind):
    frames, refused = downloaded
    assert of_task(frames, toy.numbers[quirk]) == []
    (found,) = of_task(refused, toy.numbers[quirk])
    assert found.kind == kind
    assert found.reason


def test_frames_are_the_labels_in_the_projects_units(downloaded, toy):
    frames, _ = downloaded
    number = 1000 + 100 * (1 + 3 * list(CATIONS).index("Na") + 2)  # NaCl
    relaxation = of_task(frames, number)
    assert [frame.frame_id for frame in relaxation] == [f"mp-{number}-0-{s}" for s in range(4)]
    row = next(row for row in toy.rows if row["identifier"] == letters(number))
    for step, frame in enumerate(relaxation):
        assert frame.material_id == f"mp-{number}"
        np.testing.assert_allclose(frame.forces, row["forces"][step])
        np.testing.assert_allclose(frame.stress[:3], -0.1 * np.diag(row["stress"][step]))
        assert (frame.magmoms is None) == (step < 3)
    np.testing.assert_allclose(relaxation[-1].magmoms, [0.0, 0.1])
    # MP2020 gives -0.614 eV to each chlorine of a chloride
    correction = relaxation[-1].energy - row["e_fr_energy"][-1]
    assert correction == pytest.approx(-0.614)
    bare = ELEMENT_ENERGY["Na"]["GGA"] + ELEMENT_ENERGY["Cl"]["GGA"]
    assert row["e_fr_energy"][-1] == pytest.approx(bare)
    assert relaxation[0].relaxed_energy == pytest.approx((bare + 1e-4 - 0.614) / 2)
    energies = [frame.energy_per_atom for frame in relaxation]
    assert energies[0] > energies[-1] == pytest.approx(relaxation[0].relaxed_energy, abs=1e-3)


def test_magnetic_moments_are_absolute(downloaded):
    frames, _ = downloaded
    with_moments = [f for f in frames.values() if f.magmoms is not None and 25 in f.atomic_numbers]
    assert with_moments
    assert all(frame.magmoms[0] == pytest.approx(4.2) for frame in with_moments)


def test_several_rows_of_one_calculation_count_and_equal_ones_count_once(downloaded, toy):
    frames, refused = downloaded
    number = toy.numbers["several rows"]
    found = of_task(frames, number)
    by_calc = Counter(frame.frame_id.split("-")[2] for frame in found)
    assert sorted(by_calc.values()) == [3, 4]
    assert [item.kind for item in of_task(refused, number)] == ["duplicate row"]
    # the task's own calculation has the moments, the earlier one has not
    assert sum(frame.magmoms is not None for frame in found) == 1


def test_calculations_are_compared_with_the_main_entry(finished, downloaded, ask, toy):
    _, refused = downloaded
    far, other_u = toy.numbers["far from main entry"], toy.numbers["other U"]
    assert {item.kind for item in of_task(refused, far)} == {"main entry"}
    assert "50.0 meV/atom" in of_task(refused, far)[0].reason
    assert {item.kind for item in of_task(refused, other_u)} == {"no correction"}
    # these choices need no other download
    kept, refused = read(ask(energy_tolerance=None), finished)
    assert len(of_task(kept, far)) == 3
    _, refused = read(ask(mp2020_corrections=False), finished)
    assert {item.kind for item in of_task(refused, other_u)} == {"U values"}
    uncorrected, _ = read(ask(mp2020_corrections=False, same_u_values=False), finished)
    assert len(of_task(uncorrected, other_u)) == 3


def test_a_step_that_used_all_electronic_steps_is_not_converged(downloaded, toy):
    frames, _ = downloaded
    found = of_task(frames, toy.numbers["NELM"])
    assert [frame.converged for frame in found] == [True, False, True, True]


def test_one_lattice_stands_for_all_steps(downloaded, toy):
    frames, _ = downloaded
    found = of_task(frames, toy.numbers["one lattice"])
    assert len(found) == 4
    assert all(np.array_equal(frame.cell, found[0].cell) for frame in found)


def test_r2scan_calculations_in_no_list_are_found_and_given_a_material(fetch, ask, toy):
    options = ask(labels="r2SCAN")
    manifest = fetch(options=options)
    frames, refused = read(options, fetch.folder())
    # a deprecated calculation is listed, so the table is no second way in
    assert manifest["deprecated"] == 1
    assert of_task(frames, toy.numbers["deprecated r2SCAN"]) == []
    unlisted = of_task(frames, toy.numbers["unlisted"])
    assert {frame.material_id for frame in unlisted} == {f"mp-{toy.numbers['unlisted'] - 10}"}
    # a new structure is a material of its own, with both of its calculations
    new = [of_task(frames, toy.numbers[f"new {n}"]) for n in (10, 11)]
    assert all(new)
    assert {f.material_id for some in new for f in some} == {f"mp-{toy.numbers['new 10']}"}
    (restricted,) = of_task(refused, toy.numbers["restricted"])
    assert restricted.kind == "restricted: gnome_r2scan_statics"
    # raw energies: nothing is added
    row = next(r for r in toy.rows if r["identifier"] == letters(toy.numbers["unlisted"]))
    assert unlisted[-1].energy == row["e_fr_energy"][-1]


def test_unlisted_and_restricted_are_choices(fetch, ask, toy):
    options = ask(labels="r2SCAN", unlisted_tasks=False)
    manifest = fetch("listed", options=options)
    assert manifest["refused_counts"] == {}
    options = ask(labels="r2SCAN", keep_restricted=True)
    fetch("all", options=options)
    frames, _ = read(options, fetch.folder("all"))
    assert len(of_task(frames, toy.numbers["restricted"])) == 3


@pytest.mark.parametrize(
    ("query", "formulas"),
    [
        ({"elements": ["Mn"]}, {"MnO", "FMn", "ClMn"}),
        ({"made_of": ["Li", "Na", "F"]}, {"FLi", "FNa"}),
        ({"chemical_systems": ["O-Li", "Cl-Na"]}, {"LiO", "ClNa"}),
        ({"material_ids": [f"mp-{letters(1100)}", "mp-1200"]}, {"LiO", "FLi"}),
    ],
)
def test_each_way_to_ask(fetch, ask, query, formulas):
    options = ask(query=query)
    fetch(options=options)
    frames, _ = read(options, fetch.folder())
    assert {frame.formula for frame in frames.values()} == formulas


def test_unlisted_calculations_stay_within_the_query(fetch, ask, toy):
    options = ask(labels="r2SCAN", query={"made_of": ["Na", "O"]})
    fetch(options=options)
    plan = json.loads((fetch.folder() / "plan.json").read_text())
    assert plan["unlisted_tasks"] == [letters(toy.numbers["unlisted"])]


def test_an_unknown_material_is_named(fetch, ask):
    with pytest.raises(StudyError, match=r"mp-77, which the Materials Project does not have"):
        fetch(options=ask(query={"material_ids": ["mp-1100", "mp-77"]}))


def test_a_query_that_finds_nothing_says_so(fetch, ask):
    with pytest.raises(StudyError, match="finds 0 materials"):
        fetch(options=ask(query={"chemical_systems": ["Li-Na"]}))


def test_calculations_are_asked_for_fifty_at_a_time_and_slowly(fetch, service, quick):
    fetch()
    asked = [path for path in service.paths if "/materials/tasks" in path]
    assert asked
    # each in two spellings
    assert all(path.split("task_ids=")[1].split("&")[0].count("%2C") < 100 for path in asked)
    assert min(wait for wait in quick.waits) <= 0.2
    assert sum(quick.waits) == pytest.approx(0.2 * (service.n_requests - 1), abs=0.01)


def test_provenance_tells_the_versions_and_no_secret(finished, ask):
    level = Level(label="any", functional="any", data=ask(folder="download"))
    told = provenance(level, finished.parent, 0)
    assert told["database_version"] == VERSION
    assert told["trajectories"]["version"] == 2
    assert told["licence"].startswith("CC BY 4.0")
    assert len(told["manifest_sha256"]) == 64
    assert KEY not in json.dumps(told)


def test_two_spellings_are_one_identifier():
    assert canonical("mp-149") == canonical("mp-aaaaaaft") == canonical("149") == "aaaaaaft"
    with pytest.raises(ValueError, match="no identifier"):
        canonical("not one!")

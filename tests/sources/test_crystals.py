"""The built-in crystals: chemistry, geometry, and labels that are those of the published model."""

import csv
import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from rungs.config.data import Level, Screening
from rungs.config.sources import BuiltInCrystals
from rungs.frames.distances import shortest_distance
from rungs.frames.faults import judge
from rungs.frames.frame import VOIGT, Frame, Rejected
from rungs.sources import crystals as crystals_module
from rungs.sources import provenance, read_source
from rungs.sources.compounds import all_crystals, element_crystals, some_crystals
from rungs.sources.crystals import CLOSEST, MILD, STIFF, crystal_geometries, kept_places
from rungs.sources.equilibrium import (
    TABLE,
    _minimum,
    equilibrium_lengths,
    ideal_geometry,
    known_lengths,
)
from rungs.sources.prototypes import PROTOTYPES


def built_in(labels="0.3.0", **options) -> Level:
    data = {"kind": "crystals", "labels": labels} | options
    return Level(label=labels, functional=labels, data=BuiltInCrystals.model_validate(data))


@pytest.fixture(scope="module")
def small() -> dict[str, list[Frame]]:
    """12 crystals of 4 frames, labelled by both published models."""
    return {
        labels: list(read_source(built_in(labels, n_crystals=12, frames_per_crystal=4), ".", 5))
        for labels in ("0.3.0", "r2scan")
    }


def test_the_list_is_broad_and_each_element_is_well_covered():
    crystals = all_crystals()
    assert 600 <= len(crystals) <= 700
    assert len({c.material_id for c in crystals}) == len(crystals)
    assert max(c.prototype.n_sites for c in crystals) <= 8
    found_in = defaultdict(set)
    for crystal in crystals:
        for _, symbol in crystal.species:
            found_in[symbol].add(crystal.material_id)
    assert 25 <= len(found_in) <= 32
    assert min(map(len, found_in.values())) >= 5
    assert {"Cs", "I", "Ba", "Hf", "Pb", "Mn", "Fe", "Co", "Ni"} <= set(found_in)


def test_every_crystal_is_neutral_with_charges_that_occur():
    for crystal in all_crystals():
        charges = crystal.charges
        total = sum(charges[role] for role in crystal.prototype.roles)
        assert total == 0, crystal.material_id
        assert charges["X"] < 0 < charges["A"] <= 4
        if "B" in charges:
            assert 1 <= charges["B"] <= 4


@pytest.mark.parametrize(
    ("name", "coordination"),
    [
        ("rocksalt", 6),
        ("CsCl", 8),
        ("zincblende", 4),
        ("wurtzite", 4),
        ("NiAs", 6),
        ("fluorite", 8),
        ("rutile", 6),
        ("CdI2", 6),
        ("antifluorite", 4),
        ("perovskite", 12),
        ("NaFeO2", 6),
    ],
)
def test_prototypes_have_the_coordination_of_their_name(name, coordination):
    """Anions around the first cation, as far as 10 % beyond the nearest."""
    prototype = PROTOTYPES[name]
    steps = np.indices((7, 7, 7)).reshape(3, -1).T - 3
    cation = prototype.fractional[prototype.roles.index("A")]
    anions = prototype.fractional[[role == "X" for role in prototype.roles]]
    between = (anions[:, None] + steps - cation) @ prototype.vectors
    distances = np.linalg.norm(between, axis=-1).ravel()
    assert np.count_nonzero(distances < 1.1 * distances.min()) == coordination
    assert distances.min() == pytest.approx(prototype.shortest("A", "X"))


def test_space_groups_are_those_of_the_prototypes():
    """Judged by spglib, through pymatgen."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    expected = {
        "rocksalt": 225,
        "CsCl": 221,
        "zincblende": 216,
        "wurtzite": 186,
        "NiAs": 194,
        "fluorite": 225,
        "rutile": 136,
        "CdI2": 164,
        "antifluorite": 225,
        "antiCdI2": 164,
        "perovskite": 221,
        "NaFeO2": 166,
        "ordered-rocksalt": 123,
        "ordered-zincblende": 115,
        "ordered-CsCl": 123,
        "fcc": 225,
        "bcc": 229,
        "hcp": 194,
        "diamond": 227,
        "chain": 152,
        "dimer": 166,
        "wide-dimer": 166,
    }
    assert set(expected) == set(PROTOTYPES)
    species = {"A": "Na", "B": "Al", "X": "O"}
    for name, number in expected.items():
        prototype = PROTOTYPES[name]
        structure = Structure(
            Lattice(4 * prototype.vectors),
            [species[role] for role in prototype.roles],
            prototype.fractional,
        )
        assert SpacegroupAnalyzer(structure).get_space_group_number() == number, name


def test_few_crystals_are_spread_over_the_list():
    names = [c.material_id for c in some_crystals(12)]
    assert len(set(names)) == 12
    assert len({name.split("-", 1)[1] for name in names}) >= 6
    assert len(some_crystals(None)) == len(some_crystals(10**6)) == len(all_crystals())


def test_known_lattice_constants():
    """Experimental lengths a in Å at room temperature (Wyckoff, Crystal Structures, 1963)."""
    known = {
        "MgO-rocksalt": 4.212,
        "NaCl-rocksalt": 5.640,
        "KBr-rocksalt": 6.600,
        "NiO-rocksalt": 4.177,
        "CsCl-CsCl": 4.123,
        "ZnS-zincblende": 5.409,
        "GaN-wurtzite": 3.189,
        "CaF2-fluorite": 5.463,
        "TiO2-rutile": 4.594,
        "Li2O-antifluorite": 4.619,
        "SrTiO3-perovskite": 3.905,
        "BaZrO3-perovskite": 4.193,
    }
    crystals = [c for c in all_crystals() if c.material_id in known]
    assert len(crystals) == len(known)
    lengths = equilibrium_lengths(crystals)
    for crystal, length in zip(crystals, lengths, strict=True):
        assert length == pytest.approx(known[crystal.material_id], rel=0.04), crystal.material_id
    # and the same again, as the shipped table has them
    assert known_lengths(crystals) == pytest.approx(lengths, abs=2e-3)


def test_the_table_has_every_crystal_and_no_other():
    with open(TABLE, newline="") as handle:
        listed = [row["material_id"] for row in csv.DictReader(handle)]
    crystals = all_crystals() + element_crystals(all_crystals())
    assert listed == [crystal.material_id for crystal in crystals]


def test_minimum_of_a_scan():
    lengths = np.linspace(4, 5, 11)
    energies = (np.log(lengths) - np.log(4.4321)) ** 2
    assert _minimum(lengths, energies) == pytest.approx(4.4321, abs=1e-3)
    for slope, end in ((1, "4.000"), (-1, "5.000")):
        reason = _minimum(lengths, slope * lengths)
        assert "no minimum between a = 4.000 Å and 5.000 Å" in reason
        assert f"lowest at {end} Å" in reason


def test_crystal_without_a_minimum_is_set_aside(monkeypatch):
    monkeypatch.setattr(
        crystals_module,
        "known_lengths",
        lambda crystals: ["has no minimum", *[c.starting_length() for c in crystals[1:]]],
    )
    items = list(read_source(built_in(n_crystals=2, frames_per_crystal=1), ".", 0))
    assert items[0] == Rejected("LiF-rocksalt", "has no minimum", "no equilibrium")
    assert [type(item) for item in items[1:]] == [Frame]


@pytest.mark.parametrize("n_frames", [1, 2, 5, 16])
def test_first_half_scans_the_volume_the_rest_is_strained(n_frames):
    crystal = next(c for c in all_crystals() if c.material_id == "MgO-rocksalt")
    data = built_in(frames_per_crystal=n_frames).data
    frames = crystal_geometries(crystal, 4.25, data, 0)
    groups = [group for group, _ in frames]
    n_scan = (n_frames + 1) // 2
    assert groups == ["volume scan"] * n_scan + ["rattled"] * (n_frames - n_scan)
    ideal = 4.25**3 / 4
    changes = [abs(np.linalg.det(g.cell)) / ideal - 1 for _, g in frames[:n_scan]]
    expected = np.linspace(-0.1, 0.1, n_scan) if n_scan > 1 else [0]
    assert np.allclose(changes, expected, atol=1e-9)


def test_strain_and_rattle_have_the_spread_that_was_asked_for():
    crystal = next(c for c in all_crystals() if c.material_id == "SrTiO3-perovskite")
    data = built_in(frames_per_crystal=1000, volume_range=1e-9, strain=0.02, rattle=0.05).data
    frames = [g for group, g in crystal_geometries(crystal, 3.9, data, 0) if group == "rattled"]
    strains = np.array([np.linalg.solve(crystal.cell(3.9), g.cell) - np.eye(3) for g in frames])
    assert np.allclose(strains, np.swapaxes(strains, 1, 2))
    assert np.allclose(strains.std(axis=0), 0.02, rtol=0.15)
    assert np.abs(strains.mean(axis=0)).max() < 0.004
    shifts = np.array([g.cart_coords - crystal.prototype.fractional @ g.cell for g in frames])
    assert np.allclose(shifts.std(axis=(0, 1)), 0.05, rtol=0.08)


def test_a_frame_depends_on_the_seed_and_itself_only():
    """More frames or other crystals leave it as it was."""
    crystal = all_crystals()[7]
    few = crystal_geometries(crystal, 5.0, built_in(frames_per_crystal=15).data, 0)
    more = crystal_geometries(crystal, 5.0, built_in(frames_per_crystal=16).data, 0)
    other = crystal_geometries(crystal, 5.0, built_in(frames_per_crystal=16).data, 1)
    assert all(
        np.array_equal(a.cart_coords, b.cart_coords)
        for (_, a), (_, b) in zip(few, more, strict=False)
    )
    assert not any(
        np.array_equal(a.cart_coords, b.cart_coords)
        for (_, a), (_, b) in zip(more, other, strict=True)
    )


def test_every_element_of_the_compounds_is_a_crystal_with_a_known_minimum():
    compounds = all_crystals()
    elements = element_crystals(compounds)
    assert {symbol for c in elements for _, symbol in c.species} == {
        symbol for c in compounds for _, symbol in c.species
    }
    assert all(c.is_element and c.charges == {"A": 0} for c in elements)
    assert not any(c.is_element for c in compounds)
    assert len(elements) == 30
    ids = [c.material_id for c in elements + compounds]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(length, float) for length in known_lengths(elements))


def test_elements_are_those_of_the_compounds_at_hand():
    salt = [c for c in all_crystals() if c.material_id == "NaCl-rocksalt"]
    found = [c.material_id for c in element_crystals(salt)]
    assert found == ["Na-bcc", "Cl2-wide-dimer"]


def test_known_lengths_of_elements():
    """Experimental lengths a of metals, and bonds of free molecules, in Å."""
    metals = {"Al-fcc": 4.05, "Ni-fcc": 3.52, "Ag-fcc": 4.09, "Fe-bcc": 2.87, "K-bcc": 5.33}
    metals |= {"Mg-hcp": 3.21, "Ti-hcp": 2.95, "Zr-hcp": 3.23, "Sn-diamond": 6.49}
    bonds = {"N2-dimer": 1.10, "O2-dimer": 1.21, "F2-dimer": 1.41, "S-chain": 2.06}
    bonds |= {"Cl2-wide-dimer": 1.99, "Br2-wide-dimer": 2.28, "I2-wide-dimer": 2.67}
    crystals = {c.material_id: c for c in element_crystals(all_crystals())}
    for name, length in (metals | bonds).items():
        found = known_lengths([crystals[name]])[0]
        if name in bonds:
            found *= crystals[name].prototype.shortest("A", "A")
        assert found == pytest.approx(length, rel=0.05), name
    some = [crystals[name] for name in (*metals, *bonds)]
    assert known_lengths(some) == pytest.approx(equilibrium_lengths(some), abs=2e-3)


def test_molecules_keep_their_bonds_when_the_cell_changes():
    nitrogen = next(c for c in element_crystals(all_crystals()) if c.material_id == "N2-dimer")
    length = 3.09
    bond = length * nitrogen.prototype.shortest("A", "A")
    frames = crystal_geometries(nitrogen, length, built_in(frames_per_crystal=200).data, 0)
    volumes, spreads = {}, {}
    for group in ("volume scan", "rattled"):
        found = [g for name, g in frames if name == group]
        bonds = [np.linalg.norm(g.cart_coords[0] - g.cart_coords[1]) for g in found]
        assert np.mean(bonds) == pytest.approx(bond, abs=0.01)
        spreads[group] = np.std(bonds)
        volumes[group] = [abs(np.linalg.det(g.cell)) for g in found]
    assert spreads["rattled"] == pytest.approx(np.sqrt(2) * STIFF * 0.06, rel=0.2)
    assert spreads["volume scan"] == pytest.approx(MILD * spreads["rattled"], rel=0.3)
    scanned = volumes["volume scan"]
    assert max(scanned) / min(scanned) == pytest.approx(1.1 / 0.9)


def test_compounds_are_the_same_with_their_elements_beside_them(small):
    level = built_in(n_crystals=12, frames_per_crystal=4, elements=True)
    frames = list(read_source(level, ".", 5))
    compounds = frames[: len(small["0.3.0"])]
    for one, other in zip(compounds, small["0.3.0"], strict=True):
        assert one.frame_id == other.frame_id
        assert np.array_equal(one.cart_coords, other.cart_coords)
        # a sum in another batch
        assert one.energy == pytest.approx(other.energy, abs=1e-4)
    elements = frames[len(compounds) :]
    assert {symbol for f in elements for symbol in f.atomic_numbers} == {
        symbol for f in compounds for symbol in f.atomic_numbers
    }
    assert all(len(set(f.atomic_numbers)) == 1 for f in elements)
    assert all(judge(frame, Screening()) is None for frame in elements)
    assert max(np.abs(f.forces).max() for f in elements) < 10


@pytest.mark.parametrize(
    ("made", "keep", "expected"),
    [
        (6, None, [0, 1, 2, 3, 4, 5]),
        (6, 6, [0, 1, 2, 3, 4, 5]),
        (26, 6, [0, 6, 12, 13, 14, 15]),
        (26, 5, [0, 6, 12, 13, 14]),
        (26, 2, [6, 13]),
        (26, 1, [6]),
        (16, 4, [0, 7, 8, 9]),
        (3, 2, [1, 2]),
        (1, 1, [0]),
    ],
)
def test_kept_frames_are_of_both_halves(made, keep, expected):
    data = built_in(frames_per_crystal=made, keep_per_crystal=keep).data
    assert kept_places(data) == expected


def test_any_number_of_frames_can_be_kept():
    for made in range(1, 20):
        for keep in range(1, made + 1):
            kept = kept_places(built_in(frames_per_crystal=made, keep_per_crystal=keep).data)
            assert kept == sorted(set(kept))
            assert len(kept) == keep
            assert kept[0] >= 0
            assert kept[-1] < made
            if (made + 1) // 2 % 2 and (keep + 1) // 2 % 2:
                assert (made + 1) // 2 // 2 in kept


def test_more_cannot_be_kept_than_are_made():
    with pytest.raises(ValueError, match="keep_per_crystal is 7, but frames_per_crystal is 6"):
        built_in(frames_per_crystal=6, keep_per_crystal=7)


def test_a_level_that_keeps_fewer_frames_shares_them_with_the_other():
    few = {"n_crystals": 3, "elements": True}
    source = {f.frame_id: f for f in read_source(built_in(frames_per_crystal=10, **few), ".", 5)}
    level = built_in("r2scan", frames_per_crystal=10, keep_per_crystal=3, **few)
    target = list(read_source(level, ".", 5))
    assert len(target) == 0.3 * len(source)
    assert Counter(f.group for f in target) == {
        "volume scan": len(target) * 2 / 3,
        "rattled": len(target) / 3,
    }
    for frame in target:
        other = source[frame.frame_id]
        assert frame.material_id == other.material_id
        assert np.array_equal(frame.atomic_numbers, other.atomic_numbers)
        assert np.array_equal(frame.cell, other.cell)
        assert np.array_equal(frame.cart_coords, other.cart_coords)


def test_materials_are_divided_alike_where_the_target_keeps_fewer_frames():
    from rungs.config.data import Split
    from rungs.splits.members import Member
    from rungs.splits.split import split_materials

    def members(indices):
        return [
            Member(f"{c.material_id}-{i:03d}", c.material_id, None, f"{c.material_id}{i}".encode())
            for c in some_crystals(60)
            for i in indices
        ]

    data = built_in(frames_per_crystal=10, keep_per_crystal=3).data
    levels = members(range(10)), members(kept_places(data))
    rows = split_materials(*levels, options=Split(test=0.2, validation=0.1), seed=0)
    part_of = {level: {} for level in ("source", "target")}
    for row in rows:
        part_of[row.level].setdefault(row.material_id, set()).add(row.part)
    assert part_of["source"] == part_of["target"]
    assert Counter(part for (part,) in part_of["target"].values()) == {
        "test": 12,
        "validation": 6,
        "train": 42,
    }


@pytest.fixture
def rutile():
    return next(c for c in all_crystals() if c.material_id == "TiO2-rutile")


def test_atoms_never_collide(rutile):
    nearest = 4.6 * rutile.prototype.shortest("A", "X")
    for _, geometry in crystal_geometries(rutile, 4.6, built_in(rattle=0.2).data, 0):
        frame = Frame(
            frame_id="x",
            material_id="x",
            functional="x",
            cell=geometry.cell,
            atomic_numbers=geometry.atomic_numbers,
            cart_coords=geometry.cart_coords,
            energy=0.0,
            forces=np.zeros((6, 3)),
        )
        distance, *_ = shortest_distance(frame, 5.0)
        assert distance >= CLOSEST * nearest - 1e-9


def test_hopeless_rattles_are_set_aside(rutile, monkeypatch):
    monkeypatch.setattr(crystals_module, "some_crystals", lambda _: [rutile])
    items = list(read_source(built_in(rattle=8.0, frames_per_crystal=6), ".", 0))
    rejected = [item for item in items if isinstance(item, Rejected)]
    assert len(items) == 6
    assert rejected
    assert rejected[0].frame_id.startswith("TiO2-rutile-00")
    assert "smaller data.rattle" in rejected[0].reason


def test_both_levels_have_the_same_frames_with_other_labels(small):
    for gga, r2scan in zip(small["0.3.0"], small["r2scan"], strict=True):
        assert gga.frame_id == r2scan.frame_id
        assert gga.material_id == r2scan.material_id
        assert np.array_equal(gga.cart_coords, r2scan.cart_coords)
        assert np.array_equal(gga.cell, r2scan.cell)
        assert gga.energy - r2scan.energy > 0.3 * gga.n_atoms  # several eV/atom in most
        assert (gga.functional, r2scan.functional) == ("0.3.0", "r2scan")
    ids = [frame.frame_id for frame in small["0.3.0"]]
    assert ids[:4] == [f"LiF-rocksalt-{i:03d}" for i in range(4)]
    assert Counter(f.group for f in small["0.3.0"]) == {"volume scan": 24, "rattled": 24}


def test_frames_pass_the_door_with_forces_of_a_few_ev(small):
    for frames in small.values():
        assert len(frames) == 48
        assert all(judge(frame, Screening(min_distance=1.2)) is None for frame in frames)
        forces = np.concatenate([np.linalg.norm(f.forces, axis=1) for f in frames])
        assert 0.03 < np.median(forces) < 1
        assert np.percentile(forces, 99) < 6


def test_labels_are_chgnets_own(small):
    """Against CHGNet.predict_structure, one frame at a time."""
    from chgnet.model.model import CHGNet
    from pymatgen.core import Structure

    for labels, frames in small.items():
        model = CHGNet.load(model_name=labels, use_device="cpu", verbose=False)
        for frame in frames[::6]:
            structure = Structure(
                frame.cell, frame.atomic_numbers, frame.cart_coords, coords_are_cartesian=True
            )
            found = model.predict_structure(structure)
            assert frame.energy_per_atom == pytest.approx(float(found["e"]), abs=1e-5)
            assert np.allclose(frame.forces, found["f"], atol=5e-4)
            assert np.allclose(frame.magmoms, found["m"], atol=1e-4)
            assert np.allclose(frame.stress, [found["s"][place] for place in VOIGT], atol=5e-3)


def test_scan_energies_are_those_of_the_labels():
    from rungs.sources.labelling import Labeller

    crystals = all_crystals()[::60]
    geometries = [ideal_geometry(c, c.starting_length()) for c in crystals]
    labeller = Labeller("0.2.0")
    labels = labeller.label(geometries)
    energies = labeller.energies(geometries)
    for crystal, label, energy in zip(crystals, labels, energies, strict=True):
        assert label.energy / crystal.prototype.n_sites == pytest.approx(energy, abs=1e-5)


def elements_of(name):
    return set(re.findall("[A-Z][a-z]?", name.split("-")[0]))


def test_magnetic_crystals_have_moments(small):
    moments = {f.frame_id: f.magmoms.max() for f in small["0.3.0"]}
    magnetic = [m for name, m in moments.items() if {"Mn", "Fe", "Co", "Ni"} & elements_of(name)]
    salt = [m for name, m in moments.items() if name.startswith("LiF")]
    assert min(magnetic) > 0.5
    assert max(salt) < 0.1


def test_provenance_says_that_labels_are_predictions():
    found = provenance(built_in("r2scan"), ".", 3)
    assert "not DFT" in found["labels"]
    assert found["versions"]["chgnet"]
    assert found["seed"] == 3

"""What keys are taken for, by their names."""

import pytest

from rungs.preflight import names


@pytest.mark.parametrize(
    ("what", "given", "expected"),
    [
        ("energy", ["config_type", "REF_energy"], "REF_energy"),
        ("energy", ["energy_per_atom", "energy"], "energy"),
        ("energy", ["fermi_energy", "free_energy", "kinetic_energy"], "free_energy"),
        ("energy", ["energy", "free_energy"], "energy"),
        ("energy", ["E"], "E"),
        ("forces", ["momenta", "dft_forces"], "dft_forces"),
        ("forces", ["forces", "mace_forces"], "forces"),
        ("stress", ["virial", "REF_stress"], "REF_stress"),
        ("energy", ["E_pa", "volume"], "E_pa"),
        ("forces", ["REF_F", "REF_E"], "REF_F"),
        ("virial", ["virials"], "virials"),
        ("material", ["energy", "mp_id", "group"], "mp_id"),
        ("material", ["mptrj_traj_id", "mptrj_snapshot_id"], "mptrj_traj_id"),
        ("group", ["config_type"], "config_type"),
        ("part", ["split"], "split"),
    ],
)
def test_the_likeliest_key_comes_first(what, given, expected):
    assert names.candidates(what, given)[0] == expected


@pytest.mark.parametrize("name", ["formation_energy", "band_gap", "energy_above_hull", "e_kin"])
def test_other_energies_are_not_taken_for_totals(name):
    assert names.candidates("energy", [name]) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [("energy_per_atom", True), ("e_pa", True), ("energy", False), ("pattern_energy", False)],
)
def test_energies_per_atom_by_name(name, expected):
    assert names.is_per_atom(name) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target_r2SCAN.xyz", "r2SCAN"),
        ("source_revPBE0-D3.xyz", "revPBE0-D3"),
        ("MatPES-PBE-Element-Refs.json.gz", "PBE"),
        ("water_ccsd(t).xyz", "CCSD(T)"),
        ("gold.xyz", None),
        ("PBEarly.xyz", None),
    ],
)
def test_levels_of_theory_in_file_names(text, expected):
    assert names.functional_in(text) == expected


@pytest.mark.parametrize(
    ("label", "name", "expected"),
    [
        ("energy", "energy_kcal_mol", "kcal/mol"),
        ("energy", "energy_Ha", "Ha"),
        ("energy", "energy_eV", "eV"),
        ("energy", "energy", None),
        ("stress", "stress_kbar", "kbar"),
        ("stress", "stress_GPa", "GPa"),
        ("forces", "forces_Ha_bohr", "Ha/Bohr"),
    ],
)
def test_units_in_names(label, name, expected):
    assert names.unit_in_name(label, name) == expected

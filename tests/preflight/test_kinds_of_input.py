"""From files that nothing was told of to a study that passes its check: every kind of input."""

import gzip
import re

import pytest
from ase import units

KBAR = 10 / units.GPa
VASP = (0, 1, 2, 5, 3, 4)
"""Places of xx, yy, zz, xy, yz, zx among ASE's six components."""
HA, BOHR, KCAL = units.Ha, units.Bohr, units.kcal / units.mol


def settled(init, check, source, target):
    """The proposal, which passes its own check."""
    found = init(source, target)
    assert found.status == 0, found.err
    checked = check(found.path)
    assert checked.status == 0, checked.out
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            {"keys": ("REF_energy", "REF_forces", "REF_stress")},
            {
                "energy_key": "REF_energy",
                "forces_key": "REF_forces",
                "stress_key": "REF_stress",
                "energy_unit": "eV",
                "forces_unit": "eV/Å",
                "stress_unit": "eV/Å³",
                "stress_sign": "tension_positive",
            },
            id="other names",
        ),
        pytest.param(
            {"factors": (1, 1, -KBAR)},
            {
                "stress_unit": "kbar",
                "stress_sign": "compression_positive",
                "stress_order": "xx yy zz yz xz xy",
            },
            id="kbar of VASP's sign",
        ),
        pytest.param(
            {"factors": (1, 1, -KBAR), "order": VASP},
            {
                "stress_unit": "kbar",
                "stress_sign": "compression_positive",
                "stress_order": "xx yy zz xy yz zx",
            },
            id="kbar in VASP's order",
        ),
        pytest.param(
            {"factors": (1, 1, -KBAR / 10)},
            {"stress_unit": "GPa", "stress_sign": "compression_positive"},
            id="GPa of the other sign",
        ),
        pytest.param(
            {"per_atom": True},
            {"energy_unit": "eV/atom", "forces_unit": "eV/Å", "stress_unit": "eV/Å³"},
            id="energies per atom, not by name",
        ),
        pytest.param(
            {
                "keys": ("energy", "forces", "virial"),
                "times_volume": True,
                "factors": (1, 1, -1),
            },
            {"virial_key": "virial", "virial_sign": "compression_positive", "stress_key": None},
            id="virials",
        ),
        pytest.param(
            {"keys": ("energy", "forces", "virial"), "times_volume": True},
            {"virial_key": "virial", "virial_unit": "eV", "virial_sign": "tension_positive"},
            id="virials of the other sign",
        ),
        pytest.param(
            {
                "keys": ("energy", "forces", "virial"),
                "times_volume": True,
                "factors": (1 / HA, BOHR / HA, 1 / HA),
            },
            {"forces_unit": "Ha/Bohr", "virial_unit": "Ha", "virial_sign": "tension_positive"},
            id="virials in Hartree",
        ),
        pytest.param(
            {"keys": ("energy", None, None)},
            {"energy_unit": "eV", "forces_key": None, "stress_key": None},
            id="energies alone",
        ),
    ],
)
def test_extended_xyz(init, check, write, source, tmp_path, gold, options, expected):
    target = write.xyz(tmp_path / "target.xyz", gold, **options)
    data = settled(init, check, source, target).target
    assert {name: getattr(data, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((1 / HA, BOHR / HA, 1), ("Ha", "Ha/Bohr")),
        ((1 / KCAL, 1 / KCAL, 1), ("kcal/mol", "kcal/mol/Å")),
    ],
)
def test_units_other_than_electronvolts(
    init, check, write, source, tmp_path, gold, factors, expected
):
    """Their ratio is told by slopes, their size by a published network."""
    target = write.xyz(
        tmp_path / "target.xyz", gold, keys=("energy", "forces", None), factors=factors
    )
    data = settled(init, check, source, target).target
    assert (data.energy_unit, data.forces_unit) == expected


def test_labels_that_begin_late_in_a_file(init, write, source, tmp_path, gold):
    """Sorted files have what only some frames have at their ends."""
    many = [gold[0], gold[1]] * 200
    first = write.xyz(tmp_path / "first.xyz", many, keys=("energy", "forces", None))
    second = write.xyz(tmp_path / "second.xyz", gold)
    target = tmp_path / "target.xyz"
    target.write_text(first.read_text() + second.read_text())
    found = init(source, target)
    assert found.study.target.data.stress_key == "stress"


def test_forces_that_only_test_frames_have(init, check, write, source, tmp_path, gold):
    training = write.xyz(tmp_path / "Au_training.xyz", gold[:36], keys=("energy", None, None))
    write.xyz(tmp_path / "Au_test.xyz", gold[36:], keys=("energy", "forces", None))
    found = settled(init, check, source, training)
    assert (found.target.forces_key, found.target.forces_unit) == ("forces", "eV/Å")
    assert "Au_training.xyz: no frame has the key 'forces'" in found.out


def test_an_ase_database(init, check, write, source, tmp_path, gold):
    data = settled(init, check, source, write.ase_db(tmp_path / "target.db", gold)).target
    assert (data.kind, data.material_key) == ("ase_db", "mat_id")


def test_an_ase_database_with_labels_among_its_pairs(init, check, write, source, tmp_path, gold):
    data = settled(init, check, source, write.ase_pairs(tmp_path / "target.db", gold)).target
    assert (data.energy_key, data.forces_key, data.stress_key) == (
        "dft_energy",
        "dft_forces",
        "dft_stress",
    )


def test_a_trajectory(init, check, write, source, tmp_path, gold):
    data = settled(init, check, source, write.trajectory(tmp_path / "target.traj", gold)).target
    assert data.kind == "ase_db"


def test_json_nested_by_material(init, check, write, source, tmp_path, gold):
    data = settled(init, check, source, write.mp_json(tmp_path / "target.json", gold)).target
    assert (data.kind, data.energy) == ("mp_json", "uncorrected")


def test_matpes_documents(init, check, write, source, tmp_path, gold):
    found = settled(init, check, source, write.matpes_json(tmp_path / "target.json", gold))
    assert found.target.kind == "matpes_json"
    assert found.study.target.functional == "r2SCAN"


def test_parquet(init, check, write, source, tmp_path, gold):
    data = settled(init, check, source, write.parquet(tmp_path / "target.parquet", gold)).target
    assert (data.kind, data.frame_column, data.material_column) == (
        "parquet",
        "frame_id",
        "material_id",
    )
    assert (data.stress_unit, data.stress_sign) == ("kbar", "compression_positive")


def test_a_folder_of_vasp_runs(init, check, write, source, tmp_path, gold):
    found = settled(init, check, source, write.vasp_runs(tmp_path / "runs", gold))
    assert found.target.kind == "vasp_runs"
    assert "by the folders of the runs" in found.out


def test_a_packed_file(init, check, write, source, tmp_path, gold):
    plain = write.xyz(tmp_path / "target.xyz", gold)
    packed = tmp_path / "packed.xyz.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert settled(init, check, source, packed).target.kind == "extended_xyz"


def test_isotopes_of_hydrogen(init, check, write, source, tmp_path, gold):
    """They become hydrogen, which the file says and asks to check."""
    plain = write.xyz(tmp_path / "target.xyz", gold)
    heavy = plain.with_stem("heavy")
    heavy.write_text(re.sub(r"(?m)^Au ", "D ", plain.read_text()), encoding="utf-8")
    found = settled(init, check, source, heavy)
    assert found.target.hydrogen_isotopes
    assert "hydrogen_isotopes: true    # check" in re.sub(
        r" +#", "    #", found.path.read_text(encoding="utf-8")
    )


def test_molecules_without_a_cell(init, check, write, source, tmp_path, gold):
    """They get a vacuum, which the file says and asks to check."""
    target = write.xyz(
        tmp_path / "target.xyz", gold, keys=("energy", "forces", None), periodic=False
    )
    found = settled(init, check, source, target)
    assert found.study.target.vacuum == 20.0
    assert "check: Å of empty space" in found.path.read_text(encoding="utf-8")


def test_a_folder_with_files_for_training_and_test(init, check, write, source, tmp_path, gold):
    folder = tmp_path / "data"
    folder.mkdir()
    write.xyz(folder / "au_train.xyz", gold[:36])
    write.xyz(folder / "au_test.xyz", gold[36:])
    (folder / "README.md").write_text("what this is", encoding="utf-8")
    data = settled(init, check, source, folder).target
    assert ([name[-12:] for name in data.train], [name[-11:] for name in data.test]) == (
        ["au_train.xyz"],
        ["au_test.xyz"],
    )


def test_a_test_file_beside_the_one_for_training(init, check, write, source, tmp_path, gold):
    training = write.xyz(tmp_path / "Au_training.xyz", gold[:36])
    write.xyz(tmp_path / "Au_test.xyz", gold[36:])
    found = settled(init, check, source, training)
    assert found.target.test == ["Au_test.xyz"]
    assert "Au_test.xyz lies beside and is taken for its test part" in found.out


def test_a_division_that_frames_carry(init, check, write, source, tmp_path, gold):
    def part(number: int) -> str:
        return f"split={'test' if number >= 36 else 'train'}"

    target = write.xyz(tmp_path / "target.xyz", gold, more=part)
    found = settled(init, check, source, target)
    parts = found.path.with_name("proposed_parts.csv").read_text(encoding="utf-8").splitlines()
    assert [line for line in parts if line.endswith(",test")] == [
        "m09,test",
        "m10,test",
        "m11,test",
    ]


def test_a_division_that_takes_groups_apart(init, write, source, tmp_path, gold):
    def tags(number: int) -> str:
        return f"group=g{number % 8} split={'test' if number >= 36 else 'train'}"

    target = write.xyz(tmp_path / "target.xyz", gold, material=None, more=tags)
    found = init(source, target)
    told = "it takes 8 of 8 groups of the target apart; material_key: group and no parts"
    assert told in found.out
    assert f"  # check: {told}" in found.path.read_text(encoding="utf-8")


def test_a_published_model_as_the_start(init, check, write, tmp_path, gold):
    target = write.xyz(tmp_path / "target.xyz", gold)
    study = settled(init, check, "0.3.0", target).study
    assert (study.pretraining.initial, study.pretraining.training) == ("0.3.0", None)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (
            "mlearn_extxyz/Si_training.extxyz",
            "mlearn_extxyz/Ge_training.extxyz",
            {"test": ["Ge_test.extxyz"], "group_key": "group", "stress_unit": "eV/Å³"},
        ),
        (
            "nacl_water/source_revPBE0-D3.xyz",
            "nacl_water/target_r2SCAN.xyz",
            {"material_key": "group", "stress_key": None, "energy_unit": "eV"},
        ),
        (
            "ag_au_pbe/source_Ag.xyz",
            "ag_au_pbe/target_Au.xyz",
            {"group_key": "group", "stress_unit": "eV/Å³", "stress_sign": "tension_positive"},
        ),
        (
            "mptrj_random_1k",
            "matcalc_elemental_refs/MatPES-r2SCAN-Element-Refs.json.gz",
            {"kind": "matpes_json", "functional": "r2SCAN"},
        ),
    ],
)
@pytest.mark.slow
def test_real_frames(init, check, shared_data, source, target, expected):
    data = settled(init, check, shared_data / source, shared_data / target).target
    assert {name: getattr(data, name) for name in expected} == expected

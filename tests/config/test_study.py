"""The configuration: what is accepted, and what the messages say."""

import copy
from pathlib import Path

import pytest
import yaml

from rungs.config import Run, load_study, read_study
from rungs.config.loading import RENAMED
from rungs.config.schema import schema_text
from rungs.errors import StudyError

_ROOT = Path(__file__).parents[2]
SHIPPED = [
    "config.yaml",
    "tests/studies/tiny.yaml",
    "tests/studies/tiny_classical.yaml",
    *(str(path.relative_to(_ROOT)) for path in sorted(_ROOT.glob("config/*.yaml"))),
]


@pytest.fixture(scope="module")
def default(repository):
    return yaml.safe_load((repository / "config.yaml").read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configurations_are_valid(repository, name):
    study = read_study(repository / name)
    assert study.runs


def test_schema_file_is_up_to_date(repository):
    """`make schema` writes it anew."""
    assert (repository / "schemas/study.schema.json").read_text() == schema_text()


def test_every_key_is_documented(repository):
    """The schema is the reference documentation of the keys that are not obvious sections."""
    import json

    schema = json.loads((repository / "schemas/study.schema.json").read_text())
    for name, section in schema["$defs"].items():
        assert section["description"], name


def test_default_study_asks_for_what_the_paper_shows(repository):
    study = read_study(repository / "config.yaml")
    runs = study.runs
    sizes = sorted({run.size for run in runs if run.size})
    assert len(sizes) >= 5
    assert sizes[-1] / sizes[0] >= 100
    for method in ("scratch", "target_reference"):
        assert {r.seed for r in runs if r.method == method} == {0, 1, 2}
    assert set.intersection(
        *({r.size for r in runs if r.method == m and r.size} for m in study.methods)
    )
    assert Run("target_reference", 0, 0) in runs
    assert not any(run.method == "scratch" and run.size == 0 for run in runs)


FAULTS = [
    ({"source.data.frame_per_crystal": 3}, ["source.data.frame_per_crystal", "frames_per_crystal"]),
    ({"methods.scratch.refrence": "target"}, ["methods.scratch.refrence", "'reference'"]),
    ({"fine_tuning.update": 3}, ["fine_tuning.update:", "'updates'"]),
    ({"fine_tuning.updates": None, "fine_tuning.epochs": None}, ["fine_tuning", "give a budget"]),
    ({"fine_tuning.weights.forces": 1}, ["fine_tuning.weights.forces", "'force'"]),
    ({"fine_tuning.learning_rate": -1}, ["fine_tuning.learning_rate", "-1"]),
    ({"fine_tuning.batch_size": "16"}, ["fine_tuning.batch_size", "'16'"]),
    ({"subsets.sizes": [3, 2]}, ["subsets", "sizes must rise"]),
    ({"subsets.sizes": [-1]}, ["subsets.sizes.0", "-1"]),
    ({"subsets.seeds": [1, 1]}, ["subsets", "seeds must not repeat"]),
    (
        {
            "methods.scratch.reference": "isolated_atoms",
            "methods.scratch.reference_fitted_on": "subset",
        },
        ["methods.scratch: reference_fitted_on: subset needs a `reference` that is fitted"],
    ),
    (
        {"source.isolated_atom_energies": {"energies": {"Cu": -1.0}, "file": "a.csv"}},
        ["source.isolated_atom_energies: give either `energies` by element or a `file`"],
    ),
    ({"source.isolated_atom_energies": {}}, ["give either `energies`"]),
    ({"source.isolated_atom_energies": {"energies": {"Zz": -1.0}}}, ["energies: Zz: no symbol"]),
    ({"source.isolated_atom_energies": {"energies": {"Cu": "x"}}}, ["energies.Cu", "'x'"]),
    ({"methods.scratch.sizes": [7]}, ["methods.scratch.sizes", "[7]"]),
    ({"methods.scratch.copy_embedding": {"Ge": "Si"}}, ["methods.scratch", "copy_embedding"]),
    ({"methods.scratch.initial": "zero"}, ["methods.scratch.initial", "'zero'"]),
    ({"methods.a b": {"initial": "random", "reference": "target"}}, ["methods"]),
    ({"pretraining.initial": "0.3.0"}, ["architecture", "0.3.0"]),
    ({"pretraining.training": None}, ["pretraining.training"]),
    ({"architecture": None}, ["architecture"]),
    (
        {"screening": {"max_abs_energy": 1e6}},
        ["screening.max_abs_energy: is gone", "'max_energy_distance'"],
    ),
    ({"screening": {"isolated_atoms": "drop"}}, ["screening.isolated_atoms", "'keep'", "'drop'"]),
    ({"target.vacuum": 4.5}, ["target.vacuum is 4.5 Å, within the network's cutoff of", "20.0"]),
    ({"source.vacuum": -1}, ["source.vacuum", "-1"]),
    ({"architecture.num_angular": 4}, ["architecture", "num_angular", "odd"]),
    ({"study": "a/b"}, ["study", "a/b"]),
    ({"split.by": "formula"}, ["split.by", "'composition'", "'formula'"]),
    ({"door": {"min_distance": 0.4}}, ["door: is called 'screening' now"]),
    ({"fine_tuning.parts": 2}, ["fine_tuning.parts: is called 'accumulation_steps' now"]),
    ({"pretraining.training.parts": 2}, ["pretraining.training.parts", "'accumulation_steps'"]),
    ({"split.parts": {}}, ["split.parts", "either `file`, or the ids in `test`"]),
    ({"split.parts": {"file": "a.csv", "test": ["b"]}}, ["split.parts", "either `file`"]),
    ({"split.parts": {"file": "a.csv", "validation": ["b"]}}, ["split.parts", "into `file`"]),
    ({"split.parts": {"test": ["b", "c"], "validation": ["b"]}}, ["split.parts: b: an id is"]),
    ({"split.parts": {"tests": ["b"]}}, ["split.parts.tests", "'test'"]),
    ({"split.source_may_train_on_target_test": "no"}, ["split.source_may", "'no'"]),
    ({"subsets.sampling": "farthest"}, ["subsets.sampling", "'diverse'", "'farthest'"]),
    ({"methods.scratch.sampling": "rnd"}, ["methods.scratch.sampling", "'random'", "'rnd'"]),
    ({"source.filters": {"convergence": True}}, ["source.filters.convergence", "'converged'"]),
    ({"source.filters": {"converged": 1}}, ["source.filters.converged", "boolean"]),
    ({"target.filters": {"elements": {}}}, ["target.filters.elements", "`only`, `without`"]),
    ({"target.filters": {"elements": {"only": []}}}, ["filters.elements.only"]),
    ({"target.filters": {"elements": {"only": ["Fe", "Oxygen"]}}}, ["Oxygen: no symbol"]),
    ({"target.filters": {"elements": {"only": [False]}}}, ["only.0", "string", "False"]),
    (
        {"target.filters": {"elements": {"only": ["Fe", "O"], "without": ["O"]}}},
        ["target.filters.elements: O cannot be in both"],
    ),
    ({"source.filters": {"energy_window": {"below": -1}}}, ["energy_window.below", "-1"]),
    ({"source.filters": {"energy_window": {"relaxed": "last"}}}, ["relaxed", "'lowest'"]),
    (
        {"source.filters": {"near_duplicates": {"looser": [{"beyond": 10, "energy": 0.001}]}}},
        ["source.filters.near_duplicates: looser must rise"],
    ),
    ({"source.filters": {"near_duplicates": True}}, ["near_duplicates: is a section", "True"]),
    ({"source.data.kind": "xyz"}, ["source.data.kind: 'xyz' is no kind", "'extended_xyz'?"]),
    ({"target.data.labels": "pbe"}, ["target.data", "labels", "r2scan"]),
    (
        {"methods.scratch.pretraining_size": 100},
        ["methods.scratch: pretraining_size needs `initial: pretrained`"],
    ),
    (
        {
            "architecture": None,
            "pretraining": {"initial": "0.3.0", "training": None},
            "methods.target_reference.pretraining_size": 100,
        },
        ["methods.target_reference.pretraining_size needs pretraining.training"],
    ),
    ({"colour": 1}, ["colour", "unknown key"]),
    ({"target.data.kind": "extxyz"}, ["target.data.kind: 'extxyz'", "'extended_xyz'?"]),
    ({"target.data.kind": "novel"}, ["target.data.kind", "ase_db, classical_md"]),
    ({"target.data": {"labels": "r2scan"}}, ["target.data.kind: missing", "vasp_runs"]),
    ({"study": 2024}, ["study: ", "in quotes, '2024'"]),
    ({"study": "x" * 300}, ["study: ", "at most 100 characters", "302 characters"]),
    ({"study": "my study"}, ["study: ", "letters, digits"]),
    ({"methods": {"my method": {"initial": "random", "reference": "target"}}}, ["my method: "]),
    ({"seed": 2**70}, ["seed: ", "less than 9223372036854775808"]),
    ({"subsets.seeds": [2**70]}, ["subsets.seeds.0: ", "less than"]),
    ({"subsets.seeds": ["0"]}, ["subsets.seeds.0: ", "without quotes"]),
    ({"subsets.sizes": "4, 12"}, ["subsets.sizes: ", "a list is written [4, 12]"]),
    ({"split.test": 25}, ["split.test: ", "25 % is 0.25"]),
    ({"split": {"test": 0.6, "validation": 0.4}}, ["split: test and validation together"]),
    ({"pretraining.initial": "0.4.0"}, ["no published CHGNet '0.4.0'", "0.3.0, 0.2.0, r2scan"]),
    ({"subsets": {"size": [4], "seeds": [0]}}, ["subsets.sizes: missing", "Is it what 'size'"]),
]


@pytest.mark.parametrize(("changes", "words"), FAULTS, ids=[next(iter(c)) for c, _ in FAULTS])
def test_a_fault_is_one_line_with_key_and_file(default, changes, words):
    values = copy.deepcopy(default)
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = values
        for name in sections:
            section = section[name]
        section[last] = value
    with pytest.raises(StudyError) as caught:
        load_study(values, "config.yaml")
    message = str(caught.value)
    assert message.startswith("config.yaml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_missing_section_is_named(default):
    values = {key: value for key, value in default.items() if key != "methods"}
    with pytest.raises(StudyError, match=r"config.yaml: methods: missing"):
        load_study(values, "config.yaml")


def test_stress_without_unit_or_sign_is_refused(repository):
    values = yaml.safe_load((repository / "config/si_to_ge.yaml").read_text())
    del values["target"]["data"]["stress_sign"]
    with pytest.raises(StudyError, match=r"target\.data.*stress_sign"):
        load_study(values, "config/si_to_ge.yaml")


@pytest.mark.parametrize("text", ["", "a: [", "- 1"])
def test_unreadable_files_are_named(tmp_path, text):
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(StudyError, match=r"broken\.yaml"):
        read_study(path)
    with pytest.raises(StudyError, match=r"absent\.yaml: cannot be read"):
        read_study(tmp_path / "absent.yaml")


def test_of_several_files_the_later_ones_win(repository, tmp_path):
    """Key by key, as Snakemake joins several --configfile."""
    (tmp_path / "more.yaml").write_text("seed: 7\nsubsets: {seeds: [0, 5]}\n")
    default = read_study(repository / "config.yaml")
    study = read_study(repository / "config.yaml", tmp_path / "more.yaml")
    assert (study.seed, study.subsets.seeds) == (7, [0, 5])
    assert study.subsets.sizes == default.subsets.sizes
    (tmp_path / "more.yaml").write_text("sed: 7\n")
    with pytest.raises(StudyError, match=r"config\.yaml, .*more\.yaml: sed: unknown key"):
        read_study(repository / "config.yaml", tmp_path / "more.yaml")


def test_runs_are_judged_on_the_source_where_its_graphs_are_there_anyhow(default):
    assert load_study(default).judged_on_source
    assert not load_study(default | {"evaluation": {"source_test": False}}).judged_on_source
    published = {k: v for k, v in default.items() if k != "architecture"}
    published["pretraining"] = {"initial": "0.3.0", "training": None}
    assert not load_study(published).judged_on_source
    assert load_study(published | {"evaluation": {"source_test": True}}).judged_on_source


def test_largest_points_are_each_methods_own(default):
    changed = copy.deepcopy(default)
    changed["methods"]["frozen_reference"]["sizes"] = [0, 100]
    assert load_study(changed).largest_points == [
        ("scratch", 1000),
        ("trainable_reference", 1000),
        ("frozen_reference", 100),
        ("target_reference", 1000),
    ]


def test_sampling_is_the_studys_unless_a_method_says(default):
    values = copy.deepcopy(default)
    study = load_study(values)
    assert {study.sampling(method) for method in study.methods} == {"random"}
    values["subsets"]["sampling"] = "diverse"
    values["methods"]["scratch"]["sampling"] = "random"
    study = load_study(values)
    assert study.sampling("scratch") == "random"
    assert study.sampling("target_reference") == "diverse"


def test_a_target_frame_can_have_a_price_and_a_source_frame_cannot(default):
    priced = copy.deepcopy(default)
    priced["target"]["price"] = {"amount": 12}
    priced["plan"] = {"target_energy_mae": 20, "budget": 5000}
    study = load_study(priced)
    assert (study.target.price.amount, study.target.price.unit) == (12, "core-hours")
    assert study.plan.budget == 5000
    for bad in ({"amount": 0}, {"amount": -1}, {"amount": 3, "unit": ""}, {}):
        priced["target"]["price"] = bad
        with pytest.raises(StudyError, match=r"price"):
            load_study(priced)
    priced = copy.deepcopy(default)
    priced["source"]["price"] = {"amount": 12}
    with pytest.raises(StudyError, match=r"price"):
        load_study(priced)


def test_the_baseline_is_the_first_method_from_random_weights(default):
    assert load_study(default).baseline == "scratch"
    without = copy.deepcopy(default)
    del without["methods"]["scratch"]
    assert load_study(without).baseline is None


def test_methods_that_differ_in_their_pretraining_only_are_a_family(default):
    assert load_study(default).families == {}
    more = copy.deepcopy(default)
    more["methods"]["half"] = more["methods"]["target_reference"] | {"pretraining_size": 1500}
    more["methods"]["other"] = {"initial": "pretrained", "reference": "shrunken"}
    study = load_study(more)
    assert study.families == {"target_reference": ["target_reference", "half"]}
    assert study.pretraining_of("half") == "pretrained_1500"
    assert study.pretraining_of("scratch") == "pretrained"


def test_what_a_pretrained_network_is_asked_about(default):
    """No frame that nothing needs: the main one compares references on whole parts, a smaller one
    is asked about the subsets of methods that fit references to what it leaves over."""
    values = copy.deepcopy(default)
    residual = values["methods"]["target_reference"] | {
        "reference": "residual",
        "reference_fitted_on": "subset",
        "pretraining_size": 1500,
    }
    values["methods"] |= {
        "half": residual,
        "half_copied": residual | {"copy_embedding": {"Ge": "Si"}},
        "half_by_target": residual | {"reference": "target"},
        "third_on_all": residual | {"pretraining_size": 1000, "reference_fitted_on": "training"},
        "quarter": residual | {"reference": "target", "pretraining_size": 750},
    }
    study = load_study(values)
    assert study.fits_residuals("half")
    assert not study.fits_residuals("half_copied")
    assert not study.fits_residuals("half_by_target")
    assert study.parts_to_predict("pretrained") == ["train", "test"]
    assert study.runs_to_predict("pretrained") == []
    assert study.parts_to_predict("pretrained_1500") == []
    assert {run.method for run in study.runs_to_predict("pretrained_1500")} == {"half"}
    assert study.parts_to_predict("pretrained_1000") == ["train"]
    assert study.runs_to_predict("pretrained_1000") == []
    assert study.parts_to_predict("pretrained_750") == study.runs_to_predict("pretrained_750") == []


def test_who_has_temperatures_and_who_is_simulated(repository):
    default = read_study(repository / "config.yaml")
    assert not default.has_temperatures
    assert default.simulated_levels == []
    files = read_study(repository / "config/si_to_ge.yaml")
    assert files.has_temperatures
    assert files.simulated_levels == []
    classical = read_study(repository / "config/si_to_ge_quick.yaml")
    assert classical.has_temperatures
    assert classical.simulated_levels == ["source", "target"]


@pytest.mark.parametrize(
    ("method", "layer", "words"),
    [
        ("scratch", "readout", "freeze needs `initial: pretrained`"),
        ("target_reference", "decoder", r"freeze\.0: Input should be 'atom_embedding'"),
    ],
)
def test_what_cannot_be_frozen_is_told(default, method, layer, words):
    values = copy.deepcopy(default)
    values["methods"][method]["freeze"] = [layer]
    with pytest.raises(StudyError, match=words):
        load_study(values)


def test_renamed_keys_lead_to_keys_that_are_there():
    for (section, old), new in RENAMED.items():
        assert old not in section.model_fields
        assert new in section.model_fields


@pytest.mark.parametrize("value", [12, 1e5, True])
def test_an_id_that_yaml_takes_for_a_value_is_to_be_quoted(value):
    from rungs.config.data import GivenParts

    with pytest.raises(ValueError, match="an id is what is written, so put it in quotes"):
        GivenParts(test=["0012", value])

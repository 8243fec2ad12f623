"""The command `rungs plan`."""

import csv
import json

import pandas as pd
import pytest
import yaml

from rungs.cli.main import main


@pytest.fixture
def study(tmp_path):
    """A folder like that of a finished study: error = 900·N^−0.5 from scratch, half with transfer,
    at sizes and seeds that scatter a little."""
    folder = tmp_path / "results/mine"
    folder.mkdir(parents=True)
    values = {
        "title": "Mine",
        "seed": 0,
        "target": {"label": "r2SCAN", "price": {"amount": 12.0, "unit": "core-hours"}},
        "methods": {"transfer": {"initial": "pretrained"}, "fresh": {"initial": "random"}},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    with open(folder / "learning_curve.csv", "w", newline="") as handle:
        table = csv.writer(handle)
        energy, force = "energy_mae_mev_per_atom", "force_mae_mev_per_angstrom"
        table.writerow(["method", "size", "seed", energy, force])
        for method, scale in (("transfer", 450), ("fresh", 900)):
            for size in (10, 100, 1000):
                for seed in (0, 1, 2):
                    error = scale * size**-0.5 * (1 + 0.03 * (seed - 1))
                    table.writerow([method, size, seed, error, 2 * error])
    return folder


def test_answers_are_printed(study, capsys):
    assert main(["plan", str(study), "--target-energy-mae", "50", "--budget", "200"]) == 0
    text = capsys.readouterr().out
    assert "r2SCAN frames for a MAE of energy of 50 meV/atom:" in text
    assert "  fresh     320  " in text
    assert "3,900 core-hours" in text
    assert "the curve ends at 1000 frames" in text  # the next thousand
    assert "force" not in text


def test_errors_by_material_widen_the_intervals(study, capsys):
    main(["plan", str(study), "--target-energy-mae", "50"])
    assert "Intervals: 90 %, over the seeds alone." in capsys.readouterr().out
    curve = pd.read_csv(study / "learning_curve.csv")
    material = pd.DataFrame({"material_id": [f"m{k}" for k in range(8)], "k": range(8)})
    errors = curve.merge(material, how="cross")
    share = 1 + 0.1 * (errors["k"] - 3.5)
    errors["mae"] = errors["energy_mae_mev_per_atom"] * share
    (study / "tables").mkdir()
    errors.assign(property="energy", n=5).to_parquet(study / "tables/material_errors.parquet")
    main(["plan", str(study), "--target-energy-mae", "50", "--json"])
    found = json.loads(capsys.readouterr().out)
    fresh = next(a for a in found if a["method"] == "fresh")
    assert fresh["n_materials"] == 8
    assert fresh["low_with_materials"] < fresh["low"] < fresh["high"] < fresh["high_with_materials"]
    main(["plan", str(study), "--target-energy-mae", "50"])
    assert "over seeds and 8 test materials" in capsys.readouterr().out


def test_the_price_can_be_given_afterwards(study, capsys):
    main(["plan", str(study), "--target-energy-mae", "50", "--price", "2 node-hours"])
    assert "650 node-hours" in capsys.readouterr().out


def test_json_holds_full_numbers(study, capsys):
    assert main(["plan", str(study), "--target-force-mae", "100", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    fresh = next(a for a in answers if a["method"] == "fresh")
    assert fresh["answer"] == pytest.approx(324, rel=0.01)
    assert fresh["cost"] == pytest.approx(12 * fresh["answer"])


def test_without_questions_the_configuration_asks(study, capsys):
    main(["plan", str(study)])
    assert "for a MAE of energy of 29 meV/atom" in capsys.readouterr().out
    file = study / "study.yaml"
    values = yaml.safe_load(file.read_text()) | {"plan": {"target_energy_mae": 77.0, "budget": 50}}
    file.write_text(yaml.safe_dump(values))
    main(["plan", str(study)])
    text = capsys.readouterr().out
    assert "for a MAE of energy of 77 meV/atom" in text
    assert "from 50 r2SCAN frames" in text


def test_any_table_will_do(study, capsys):
    table = study / "learning_curve.csv"
    options = ["--target", "energy_mae_mev_per_atom=50", "--baseline", "fresh"]
    assert main(["plan", str(table), *options]) == 0
    assert "catches up" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target-energy-mae", "-3"], "give one above 0"),
        (["--target", "shear=3"], "the learning curve lacks the column shear"),
        (["--target", "shear"], "COLUMN=ERROR"),
        (["--budget", "0"], "give 1 or more"),
        (["--price", "much"], "12 core-hours"),
    ],
)
def test_bad_questions_end_in_one_sentence(study, capsys, arguments, words):
    assert main(["plan", str(study), *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert words in shown.err
    assert shown.err.count("\n") == 1


def test_bad_folders_end_in_one_sentence(study, tmp_path, capsys):
    for path in (tmp_path / "nowhere", tmp_path):
        assert main(["plan", str(path)]) == 2
        assert "cannot be read" in capsys.readouterr().err
    (study / "learning_curve.csv").unlink()
    assert main(["plan", str(study)]) == 2
    assert "has the study finished?" in capsys.readouterr().err
    (study / "study.yaml").write_text("- 3\n")
    assert main(["plan", str(study)]) == 2
    assert "is not the configuration of a study" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["method", "size", "seed"])
def test_a_table_without_the_columns_of_a_curve_is_named(study, column, capsys):
    path = study / "learning_curve.csv"
    pd.read_csv(path).drop(columns=column).to_csv(path, index=False)
    for given in (study, path):
        assert main(["plan", str(given)]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith(f"error: {path}: lacks the column {column}; ")
        assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("learning_curve.csv", b""),
        ("learning_curve.csv", b"method,size,seed,energy_mae_mev_per_atom\n"),
        ("learning_curve.csv", b"\x00\xff\xfe binary"),
        ("learning_curve.csv", b"method,size,seed,energy_mae_mev_per_atom\nfresh,10,0,what\n"),
        ("study.yaml", b"\xff\xfe"),
        ("study.yaml", b"a: [1,\n"),
        ("tables/material_errors.parquet", b"no Parquet"),
    ],
)
def test_damaged_files_end_in_one_sentence(study, file, content, capsys):
    (study / "tables").mkdir()
    (study / file).write_bytes(content)
    assert main(["plan", str(study)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1

import json

import pytest
import yaml
from pydantic import TypeAdapter

from rungs.config import load_study
from rungs.errors import StudyError
from rungs.records.summary import Summary, digest, read_table, schema_text, summarize, write_summary
from rungs.scaling import (
    data_efficiency,
    fit_learning_curves,
    learning_curve_means,
    write_efficiency,
    write_laws,
    write_means,
)
from rungs.scaling.answers.checks import CheckRow, check_laws, write_checks
from rungs.scaling.answers.efficiency import EfficiencyRow
from rungs.scaling.answers.law_table import LawRow
from rungs.scaling.answers.means import MeanRow
from rungs.scaling.answers.plan import Answer, make_plan, write_plan
from rungs.splits.summary import PartSummary

ENERGY = "energy_mae_mev_per_atom"


@pytest.fixture
def tables():
    """Tables of a study in which transfer at N frames is as good as from scratch at 4·N."""
    rows = [
        {"method": method, "size": n, "seed": seed, ENERGY: a * n**-0.5 * (1 + 0.02 * seed)}
        for method, a in (("scratch", 900), ("target_reference", 450))
        for n in (10, 100, 1000)
        for seed in (0, 1, 2)
    ]
    laws = fit_learning_curves(rows)
    return {
        "points": (learning_curve_means(rows), write_means, MeanRow),
        "laws": (laws, write_laws, LawRow),
        "efficiency": (data_efficiency(rows, laws), write_efficiency, EfficiencyRow),
        "checks": (check_laws(rows, laws), write_checks, CheckRow),
        "plan": (make_plan(rows, laws, errors={ENERGY: 50.0}, budget=100), write_plan, Answer),
    }


@pytest.fixture
def study(repository):
    return load_study(yaml.safe_load((repository / "config.yaml").read_text()))


@pytest.fixture
def repository(request):
    return request.config.rootpath


def test_tables_come_back_as_they_were(tables, tmp_path):
    for name, (rows, write, row) in tables.items():
        write(tmp_path / name, rows)
        assert read_table(tmp_path / name, row) == rows


def test_bad_tables_are_refused(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        read_table(tmp_path / "none.csv", MeanRow)
    (tmp_path / "bad.csv").write_text("method,metric\na,b\n")
    with pytest.raises(StudyError, match=r"bad\.csv: size"):
        read_table(tmp_path / "bad.csv", MeanRow)


def test_summary_holds_answer_and_numbers(tables, study, tmp_path):
    numbers = {name: rows for name, (rows, *_) in tables.items()}
    parts = [
        PartSummary("target", part, 1, 8, 2, 0, 0, n_energy=8, n_forces=n, n_stress=0, n_magmoms=0)
        for part, n in (("train", 0), ("validation", 0), ("test", 3))
    ]
    summary = summarize(study, **numbers, parts=parts)
    write_summary(tmp_path / "summary.json", summary)
    values = json.loads((tmp_path / "summary.json").read_text())
    assert values["question"] == "How many r2SCAN frames does pretraining on GGA save?"
    assert len(values["answer"]) == 2
    assert "Pretraining saves about 30 r2SCAN frames" in values["answer"][0]
    assert {m["name"] for m in values["methods"]} == set(study.methods)
    assert values["target"]["frames"] == 24
    assert values["target"]["labelled"] == {"energy": 24, "forces": 3, "stress": 0, "magmoms": 0}
    assert values["laws"][0]["exponent"] == numbers["laws"][0].exponent
    assert values["efficiency"][0]["scratch_equivalent_frames"] == pytest.approx(40)
    assert values["source"]["kind"] == "crystals"
    assert values["versions"]["numpy"]
    # What is written is what the schema describes.
    assert TypeAdapter(Summary).validate_json((tmp_path / "summary.json").read_text()) == summary


def test_digest_depends_on_every_value_and_not_on_their_order():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_schema_file_is_up_to_date(repository):
    """`make schema` writes it anew."""
    assert (repository / "schemas/summary.schema.json").read_text() == schema_text()


def test_every_key_is_explained(repository):
    """What a key means stands in the schema, unless the name says it."""
    schema = json.loads((repository / "schemas/summary.schema.json").read_text())
    for table in ("LawRow", "CheckRow", "EfficiencyRow", "Answer"):
        explained = [v for v in schema["$defs"][table]["properties"].values() if "description" in v]
        assert len(explained) >= 4, table

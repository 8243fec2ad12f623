"""Filters, splits and subsets in a run of the workflow, and what its report says of them."""

import csv

import pytest
import yaml
from jinja2 import Template

from rungs.splits.files import read_order


def rows(path):
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def test_only_the_strategies_asked_for_are_drawn(tiny_study):
    files = sorted(str(p.relative_to(tiny_study)) for p in tiny_study.glob("subsets/*/*.csv"))
    assert files == [
        "subsets/diverse/clusters.csv",
        "subsets/diverse/merges.csv",
        "subsets/diverse/seed_0.csv",
        "subsets/element_covering/seed_0.csv",
        "subsets/random/seed_0.csv",
        "subsets/random/seed_1.csv",
    ]


def test_a_method_trains_on_the_subset_of_its_strategy(tiny_study):
    """Told by the elements that its references were fitted to."""
    from rungs.frames.elements import SYMBOLS
    from rungs.frames.table import read_frames

    frames = {f.frame_id: f for f in read_frames(tiny_study / "frames/target.parquet")}
    found = {}
    for sampling in ("random", "diverse"):
        subset = read_order(tiny_study / f"subsets/{sampling}/seed_0.csv")[:4]
        found[sampling] = {SYMBOLS[z - 1] for i in subset for z in frames[i].atomic_numbers}
    assert found["random"] != found["diverse"]
    table = rows(tiny_study / "runs/subset_reference/4/seed_0/reference.csv")
    fitted = {row["element"] for row in table if int(row["n_frames"]) > 0}
    assert fitted == found["diverse"]


def test_the_summary_of_the_split(tiny_study):
    table = rows(tiny_study / "tables/split_summary.csv")
    assert [(row["level"], row["part"]) for row in table] == [
        (level, part) for level in ("source", "target") for part in ("train", "validation", "test")
    ]
    split = rows(tiny_study / "splits/split.csv")
    for row in table:
        frames = [r for r in split if (r["level"], r["part"]) == (row["level"], row["part"])]
        assert int(row["frames"]) == len(frames)
        assert int(row["materials"]) == len({r["material_id"] for r in frames})
    # the same crystals at both levels
    assert all(row["shared_materials"] == row["materials"] for row in table)
    assert table[-1]["in_other_training"] == "0"


def test_filters_are_counted_in_the_log(tiny_study):
    log = (tiny_study / "logs/make_frames/target.log").read_text()
    assert "0 for elements" in log
    assert "0 for energy_window" in log
    assert "energy_window" not in (tiny_study / "logs/make_frames/source.log").read_text()


def test_a_missing_list_of_parts_is_named(snakemake, tmp_path, tiny_config):
    with open(tiny_config) as handle:
        values = yaml.safe_load(handle)
    values["split"] = {"parts": {"file": "no/parts.csv"}}
    config = tmp_path / "study.yaml"
    config.write_text(yaml.safe_dump(values))
    done = snakemake(tmp_path, "-n", "--cores", "1", "--configfile", str(config), check=False)
    assert done.returncode
    assert "split.parts.file is missing: no/parts.csv" in done.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["never in the source's training"]),
        (
            {"split": {"source_may_train_on_target_test": True}},
            ["**The source may train on the target's test materials in this study**"],
        ),
        (
            {"pretraining": {"initial": "0.3.0"}},
            [
                "``0.3.0`` **was trained before",
                "learned from MPtrj, frames",
                "were in its training",
            ],
        ),
        ({"pretraining": {"initial": "r2scan"}}, ["MPtrj and MP-r2SCAN, frames"]),
        ({"pretraining": {"initial": "my/model.pt"}}, ["is for the reader to know"]),
    ],
)
def test_the_caption_says_what_was_seen(repository, changes, words):
    class Snakemake:
        config = {"split": {}, "pretraining": {"initial": "random"}} | changes

    text = Template((repository / "report/split.rst").read_text()).render(snakemake=Snakemake)
    for word in words:
        assert word in text
    assert ("never in the source's training" in text) == ("split" not in changes)
    assert ("initial model" in text) == ("pretraining" in changes)

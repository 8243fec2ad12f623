"""The made-up studies that timings are taken on are studies as the workflow writes them."""

import csv

from rungs.frames.table import count_frames


def test_a_finished_study_is_written_and_its_tables_are_made(
    repository, tmp_path, monkeypatch, snakemake
):
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    from finished_study import FinishedStudy
    from study_shapes import Shape

    finished = FinishedStudy(tmp_path, Shape(methods=2, sizes=2, seeds=3), 60, 600)
    finished.write()
    assert count_frames(finished.results / "frames/target.parquet") == 600
    path = finished.results.relative_to(tmp_path)
    tables = [str(path / "learning_curve.csv"), str(path / "tables/errors_by_element.csv")]
    options = ["--rerun-triggers", "mtime", "--configfile", str(finished.configfile)]
    snakemake(tmp_path, "--cores", "1", *tables, "--forcerun", "gather_evaluations", *options)
    with open(tmp_path / tables[0], encoding="utf-8") as handle:
        assert len(list(csv.DictReader(handle))) == len(finished.study.runs)

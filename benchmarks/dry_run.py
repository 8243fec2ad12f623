"""Time a dry run of a study of 2,000 fine-tuning jobs, and count the files such a study has.

    python benchmarks/dry_run.py --output docs/dry_run.md

The study is made up, from the tiny one of the tests: the paper's four methods, 25 subset sizes and
20 seeds. `snakemake --dry-run` reads and validates it, builds the graph of all its jobs and prints
how many there are. Nothing is run.
"""

import argparse
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import yaml
from splits import processor_name

from rungs.config import load_study
from rungs.files import write_text

ROOT = Path(__file__).parents[1]
WANTED_SECONDS = 60
METHODS = {
    "scratch": {"initial": "random", "reference": "target"},
    "trainable_reference": {
        "initial": "pretrained",
        "reference": "source",
        "train_reference": True,
    },
    "frozen_reference": {"initial": "pretrained", "reference": "source"},
    "target_reference": {"initial": "pretrained", "reference": "target"},
}
N_SIZES, N_SEEDS = 25, 20
EVALUATE = ("errors", "frames", "elements", "components", "source")
"""Outputs of one evaluation."""
FINE_TUNE = ("model", "history", "reference", "record")
"""Outputs of one run."""


class DryRun(NamedTuple):
    """What one dry run took and found."""

    seconds: float
    processor_seconds: float
    peak_mb: float
    jobs: dict[str, int]


def made_up_study() -> dict:
    """Return the configuration of the study."""
    with open(ROOT / "tests/studies/tiny.yaml", encoding="utf-8") as handle:
        values = yaml.safe_load(handle)
    for section in ("simulations", "properties"):
        del values[section]
    sizes = [0, *(40 * k for k in range(1, N_SIZES + 1))]
    values["subsets"] = {"sizes": sizes, "seeds": list(range(N_SEEDS))}
    return {**values, "study": "made_up", "methods": METHODS}


def dry_run(configuration: Path, folder: Path) -> DryRun:
    """Do it once, as a person would at the terminal."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--directory", str(folder), "--configfile", str(configuration)),
            *("--cores", "1", "--dry-run", "--quiet", "rules", "reason"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    table = done.stdout + done.stderr
    jobs = {name: int(n) for name, n in re.findall(r"^(\w+) +(\d+)$", table, flags=re.MULTILINE)}
    processor = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return DryRun(seconds, processor, used.ru_maxrss / 1024, jobs)


def count_files(n_runs: int, n_points: int, n_other_jobs: int) -> Counter:
    """Return how many files of each kind the study has in the end."""
    files = Counter()
    files["outputs of the runs"] = n_runs * len(FINE_TUNE)
    files["outputs of the evaluations"] = n_points * len(EVALUATE)
    files["logs"] = files["timings"] = n_runs + n_points + n_other_jobs
    files["Snakemake's records of outputs"] = (
        files["outputs of the runs"] + files["outputs of the evaluations"]
    )
    return files


def report(runs: list[DryRun], values: dict) -> str:
    """Return the page."""
    study = load_study(values)
    jobs = runs[0].jobs
    seconds = statistics.median(run.seconds for run in runs)
    processor = statistics.median(run.processor_seconds for run in runs)
    rest = jobs["total"] - jobs["fine_tune"] - jobs["evaluate"] - jobs["all"]
    files = count_files(jobs["fine_tune"], len(study.points), rest)
    return "\n".join(
        [
            "# Dry run of a large study",
            "",
            f"{processor_name()}, {os.cpu_count()} cores shared with other programs; "
            f"Python {platform.python_version()}; `make benchmark-dry-run`.",
            f"A made-up study of {len(METHODS)} methods, {N_SIZES} sizes and {N_SEEDS} seeds: "
            f"{jobs['total']:,} jobs, {jobs['fine_tune']:,} of them fine-tunings.",
            f"Medians of {len(runs)}; wanted: less than {WANTED_SECONDS} s.",
            "",
            "| | |",
            "|---|---:|",
            f"| dry run, s | {seconds:.1f} |",
            f"| of the processor, s | {processor:.1f} |",
            f"| peak memory, MB | {max(run.peak_mb for run in runs):.0f} |",
            "",
            "Where the two times differ, other programs had the cores.",
            "",
            "## Files",
            "",
            "When such a study has run it has about this many files, nearly all of them small:",
            "",
            "| kind | files |",
            "|---|---:|",
            *(f"| {kind} | {n:,} |" for kind, n in files.items()),
            f"| together | {sum(files.values()):,} |",
            "",
            "A run leaves four files of results, a log and a timing, and Snakemake four records",
            "of them below `.snakemake/metadata`; a method and size leaves five of errors, for all",
            "its seeds. Frames, graphs, splits, references, tables and figures are a few hundred",
            "whatever the study's size. [Which of them may go](running.md#cleaning-up).",
            "",
        ]
    )


def main() -> None:
    """Time it and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="page to write; else it is printed")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    values = made_up_study()
    with tempfile.TemporaryDirectory() as name:
        configuration = Path(name) / "made_up.yaml"
        configuration.write_text(yaml.safe_dump(values), encoding="utf-8")
        runs = [dry_run(configuration, Path(name)) for _ in range(arguments.repeats)]
    text = report(runs, values)
    if arguments.output:
        write_text(arguments.output, text)
    else:
        print(text)
    if statistics.median(run.seconds for run in runs) > WANTED_SECONDS:
        sys.exit(f"the dry run took longer than {WANTED_SECONDS} s")


if __name__ == "__main__":
    main()

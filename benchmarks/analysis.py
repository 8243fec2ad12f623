"""Time everything that comes after the evaluations: tables, laws, answer, figures and report.

    python benchmarks/analysis.py                 # 500 runs, 24,000 test frames
    python benchmarks/analysis.py --folder DIR    # keep the studies there, or take those there

Two made-up studies of that size stand in for months of training (see finished_study.py), one of
many methods and one of many seeds; the rules that run are the workflow's own, by
`snakemake --cores 1` and `snakemake --report`, on one core. Every process says at its end what it
used.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from finished_study import FRAMES_PER_MATERIAL, FinishedStudy
from splits import processor_name
from study_shapes import MANY_METHODS, MANY_SEEDS, Shape

from rungs.files import write_text

ROOT = Path(__file__).parents[1]
WANTED_SECONDS, WANTED_MB = 120, 1000

# Run by every Python process at its start, from PYTHONPATH. The peak is the process's own: what
# getrusage calls that can be its parent's.
AT_START = """\
import atexit, json, os, resource, sys

def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/status") as lines:
        peak = next(int(x.split()[1]) for x in lines if x.startswith("VmHWM"))
    facts = {"argv": sys.argv, "seconds": used.ru_utime + used.ru_stime, "mb": peak / 1024}
    with open(os.path.join(os.environ["USED"], str(os.getpid())), "w") as file:
        json.dump(facts, file)

atexit.register(tell)
"""


class Used(NamedTuple):
    """What one process used."""

    name: str
    seconds: float
    """Of the processor."""
    mb: float
    """Most memory resident."""


class Measured(NamedTuple):
    """What a command used, times in seconds."""

    wall: float
    processor: float
    processes: list[Used]

    @property
    def largest(self) -> float:
        """MB of the largest process."""
        return max(x.mb for x in self.processes)


def measure(command: list[str], folder: Path, step: str) -> Measured:
    """Run a command in ``folder`` on one core; return what it and its processes used."""
    used = folder / ".used"
    shutil.rmtree(used, ignore_errors=True)
    used.mkdir()
    write_text(used / "sitecustomize.py", AT_START)
    library = ROOT / "workflow_scripts"
    environment = os.environ | {"USED": str(used), "PYTHONPATH": f"{used}{os.pathsep}{library}"}
    core = min(os.sched_getaffinity(0))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        capture_output=True,
        text=True,
    )
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    facts = [json.loads(p.read_text()) for p in used.iterdir() if p.name.isdigit()]
    processes = [Used(_name(x["argv"][0], step), x["seconds"], x["mb"]) for x in facts]
    return Measured(wall, processor, processes)


def _name(program: str, step: str) -> str:
    # Snakemake runs a script from a copy named tmp….NAME.py
    name = Path(program).name
    return f"`{name.split('.')[1]}`" if name.startswith("tmp") else f"Snakemake, {step}"


def analyse(folder: Path, shape: Shape, n_test: int, n_frames: int) -> tuple[int, Measured]:
    """Make a study in ``folder``, or take the one that is there; return its number of runs and what
    its analysis used."""
    whole = folder / "whole"
    if not whole.exists():
        folder.mkdir(parents=True, exist_ok=True)
        finished = FinishedStudy(folder, shape, n_test, n_frames)
        finished.write()
        write_text(whole, f"{len(finished.study.runs)}\n")
    rules = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile", "study.yaml"]
    rules += ["--rerun-triggers", "mtime", "--nolock"]
    made = measure([*rules, "--cores", "1", "--forcerun", *FIRST], folder, "all rules")
    told = measure([*rules, "--report", "report.html"], folder, "the report")
    together = Measured(
        made.wall + told.wall, made.processor + told.processor, made.processes + told.processes
    )
    return int(whole.read_text()), together


def table(found: dict[str, Measured]) -> str:
    """What each process used in each study, the largest first; and the sums."""
    by_name = [{x.name: x for x in measured.processes} for measured in found.values()]
    names = sorted(set().union(*by_name), key=lambda n: -sum(x[n].seconds for x in by_name))
    lines = [
        "| process |" + "".join(f" {study}: s | MB |" for study in found),
        "| --- |" + " ---: | ---: |" * len(found),
    ]
    for name in names:
        cells = [f" {x[name].seconds:.1f} | {x[name].mb:.0f} |" for x in by_name]
        lines.append(f"| {name} |" + "".join(cells))
    sums = [f" **{m.processor:.0f}** | **{m.largest:.0f}** |" for m in found.values()]
    return "\n".join([*lines, "| **together; largest** |" + "".join(sums)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--test-frames", type=int, default=24_000)
    parser.add_argument("--frames", type=int, default=60_000, help="of each level, in all")
    parser.add_argument("--folder", type=Path, help="keep the studies here, and take those there")
    parser.add_argument("--output", type=Path, help="write the page to this Markdown file")
    arguments = parser.parse_args()
    n_test, n_frames = arguments.test_frames, arguments.frames
    found, words = {}, []
    with tempfile.TemporaryDirectory() as temporary:
        for shape in (MANY_METHODS, MANY_SEEDS):
            name = f"{shape.methods} methods, {shape.seeds} seeds"
            folder = (arguments.folder or Path(temporary)).resolve() / f"{shape.methods}_methods"
            n_runs, found[name] = analyse(folder, shape, n_test, n_frames)
            words.append(
                f"- {name}, {shape.sizes} sizes, {n_runs} runs: {found[name].processor:.0f} s of "
                f"processor time, {found[name].wall:.0f} s by the clock, "
                f"{found[name].largest:.0f} MB in the largest process\n"
            )
    text = (
        "# Speed of the analysis\n\n"
        "Everything that comes after the evaluations: tables, scaling laws with their intervals, "
        "answer, figures in three forms and the HTML report, by `snakemake --cores 1` and "
        "`snakemake --report` on one core (`make benchmark-analysis`). The numbers of the two "
        f"studies are drawn at random: {n_test:,} test frames of {n_test // FRAMES_PER_MATERIAL:,} "
        f"materials, {n_frames:,} frames at each level. Of one method the law has a floor, of "
        "another a break. With ten seeds every interval takes 2,000 refits.\n\n"
        + "".join(words)
        + f"\nWanted: less than {WANTED_SECONDS} s and {WANTED_MB:,} MB. Measured on an "
        f"{processor_name()} with Python {platform.python_version()}.\n\n{table(found)}\n\n"
        "Each process starts Python and imports what it needs: 0.8 s of a figure's time. The rules "
        "that need a network, `compare_references` and `record_gradients`, belong to the "
        "trainings and are not in here.\n"
    )
    print(text)
    if arguments.output:
        write_text(arguments.output, text)


FIRST = (
    "record_study",
    "gather_evaluations",
    "gather_forgetting",
    "tabulate_errors",
    "compare_levels",
    "draw_reference_shift",
    "draw_references",
    "draw_gradients",
    "draw_histories",
    "gather_costs",
)
"""The rules that read only what the evaluations and what comes before them wrote."""

if __name__ == "__main__":
    main()

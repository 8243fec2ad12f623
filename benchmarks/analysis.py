"""Time everything that comes after the evaluations: tables, laws, answer, figures and report.

    python benchmarks/analysis.py                       # 500 runs, 24,000 test frames
    python benchmarks/analysis.py --folder DIR          # keep the study there, or take that there

A made-up study of that size stands in for months of training (see finished_study.py); the rules
that run are the workflow's own, by `snakemake --cores 1` and `snakemake --report`, on one core.
Every process of theirs says at its end what it used; `processor time` also holds Snakemake itself.
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

from finished_study import FinishedStudy
from splits import processor_name

from rungs.files import write_text

ROOT = Path(__file__).parents[1]
WANTED_SECONDS, WANTED_MB = 120, 2000

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
    wall: float
    processor: float
    processes: list[Used]


def measure(command: list[str], folder: Path) -> Measured:
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
    return Measured(
        wall, processor, [Used(_name(x["argv"][0]), x["seconds"], x["mb"]) for x in facts]
    )


def _name(program: str) -> str:
    # Snakemake runs a script from a copy named tmp….NAME.py
    name = Path(program).name
    return name.split(".")[1] if name.startswith("tmp") else name


def table(steps: dict[str, Measured]) -> str:
    """What each process of each step used, the largest first; and the sums."""
    lines = ["| process | processor time, s | peak memory, MB |", "| --- | ---: | ---: |"]
    for step, measured in steps.items():
        for x in sorted(measured.processes, key=lambda x: -x.seconds):
            name = x.name if x.name != "snakemake" else f"`{step}` itself"
            lines.append(f"| {name} | {x.seconds:.1f} | {x.mb:.0f} |")
    largest = max(x.mb for m in steps.values() for x in m.processes)
    processor = sum(m.processor for m in steps.values())
    lines.append(f"| **all** | **{processor:.0f}** | **{largest:.0f}** |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--test-frames", type=int, default=24_000)
    parser.add_argument("--frames", type=int, default=60_000, help="of each level, in all")
    parser.add_argument("--sizes", type=int, default=13, help="13 make 500 runs")
    parser.add_argument("--folder", type=Path, help="keep the study here, and take that there")
    parser.add_argument("--output", type=Path, help="write the page to this Markdown file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary)).resolve()
        whole = folder / "whole"
        if not whole.exists():
            folder.mkdir(parents=True, exist_ok=True)
            finished = FinishedStudy(
                folder, arguments.test_frames, arguments.frames, arguments.sizes
            )
            finished.write()
            write_text(whole, f"{len(finished.study.runs)}\n")
        n_runs = int(whole.read_text())
        rules = ["snakemake", "--snakefile", str(ROOT / "Snakefile")]
        rules += ["--configfile", "study.yaml", "--rerun-triggers", "mtime", "--nolock"]
        steps = {
            "snakemake": measure([*rules, "--cores", "1", "--forcerun", *FIRST], folder),
            "snakemake --report": measure([*rules, "--report", "report.html"], folder),
        }
    wall = sum(m.wall for m in steps.values())
    processor = sum(m.processor for m in steps.values())
    memory = max(x.mb for m in steps.values() for x in m.processes)
    text = (
        "# Speed of the analysis\n\n"
        "Everything that comes after the evaluations: tables, scaling laws with their intervals, "
        "answer, figures in three forms and the HTML report, from `snakemake --cores 1` and "
        f"`snakemake --report` on one core. The study has {n_runs} runs, "
        f"{arguments.test_frames:,} test frames and {arguments.frames:,} frames at each level; its "
        "numbers are drawn at random (`make benchmark-analysis`).\n\n"
        f"Wanted: {WANTED_SECONDS} s on one core and {WANTED_MB:,} MB. Measured: "
        f"{processor:.0f} s of processor time, {wall:.0f} s by the clock, {memory:.0f} MB in the "
        f"largest process; {processor_name()}, Python {platform.python_version()}.\n\n"
        f"{table(steps)}\n"
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

"""Time the split of a large dataset and the nested subsets of its training part.

    python benchmarks/splits.py --frames 1000000

The frames are generated: random positions in cubic cells, with the mean size of MPtrj's frames and
ten frames a material. Labels are zeros, as no stage here reads them. Each stage runs in a process
of its own, as the workflow's jobs do, and does what the job does, from reading its files to writing
them.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rungs.config.data import Split
from rungs.files import write_text
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter

MEAN_ATOMS = 31
FRAMES_PER_MATERIAL = 10
SMALL_LEVEL = 10_000
SEED = 0


def generate(path: Path, n_frames: int, mean_atoms: float) -> None:
    """Write ``n_frames`` frames of 1 to 8 mean sizes, three elements on average."""
    random = np.random.default_rng(SEED)
    n_atoms = np.clip(random.gamma(1.5, mean_atoms / 1.5, n_frames).round(), 1, 8 * mean_atoms)
    with FrameWriter(path, {"made": "by benchmarks/splits.py"}) as writer:
        for number, n in enumerate(n_atoms.astype(int).tolist()):
            if number % FRAMES_PER_MATERIAL == 0:
                # rare elements are rare: the squared variate favours small numbers
                elements = 1 + (random.random(random.integers(1, 6)) ** 2 * 88).astype(int)
            side = np.cbrt(15 * n)
            writer.write(
                Frame(
                    frame_id=f"mp-{number // FRAMES_PER_MATERIAL}-0-{number % FRAMES_PER_MATERIAL}",
                    material_id=f"mp-{number // FRAMES_PER_MATERIAL}",
                    functional="GGA",
                    cell=side * np.eye(3),
                    atomic_numbers=np.resize(elements, n),
                    cart_coords=side * random.random((n, 3)),
                    energy=0.0,
                    forces=np.zeros((n, 3)),
                )
            )


def split(folder: Path) -> None:
    """What the rule split_materials does."""
    from rungs.frames.labelled import read_labelled
    from rungs.splits.files import write_split, write_summary
    from rungs.splits.members import read_members
    from rungs.splits.split import split_materials
    from rungs.splits.summary import summarise

    paths = {level: folder / f"{level}.parquet" for level in ("source", "target")}
    levels = {level: read_members(path) for level, path in paths.items()}
    labelled = {level: read_labelled(path) for level, path in paths.items()}
    by = os.environ.get("SPLIT_BY", "material")
    rows = split_materials(**levels, options=Split.model_validate({"by": by}), seed=SEED)
    write_split(folder / "split.csv", rows)
    write_summary(folder / "summary.csv", summarise(**levels, rows=rows, labelled=labelled))


def draw(folder: Path, sampling: str) -> None:
    """What the rule draw_subsets does."""
    from rungs.splits.files import frame_ids, read_split, write_order
    from rungs.splits.strategies import draw

    class Inputs:
        frames = folder / "target.parquet"
        clusters, merges = folder / "clusters.csv", folder / "merges.csv"

    train = frame_ids(read_split(folder / "split.csv"), "target", "train")
    write_order(folder / "order.csv", draw(sampling, train, SEED, Inputs))


def cluster(folder: Path) -> None:
    """What the rule cluster_frames does."""
    from rungs.splits.descriptors import describe_frames
    from rungs.splits.diverse import build_tree
    from rungs.splits.files import frame_ids, read_split, write_tree

    train = frame_ids(read_split(folder / "split.csv"), "target", "train")
    ids, descriptors = describe_frames(
        folder / "target.parquet", train, n_jobs=len(os.sched_getaffinity(0))
    )
    write_tree(folder / "clusters.csv", folder / "merges.csv", build_tree(ids, descriptors, SEED))


STAGES: dict[str, Callable[[Path], None]] = {
    "split by material": split,
    "split by chemical system": split,
    "subsets, random": lambda folder: draw(folder, "random"),
    "subsets, element_covering": lambda folder: draw(folder, "element_covering"),
    "clusters": cluster,
    "subsets, diverse": lambda folder: draw(folder, "diverse"),
}


def measure(stage: str, folder: Path) -> tuple[float, float, float]:
    """Wall time and processor time in seconds, and peak memory in MB, of a stage."""
    environment = os.environ | {"SPLIT_BY": stage.removeprefix("split by ").replace(" ", "_")}
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--stage", stage, "--folder", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    wall = time.perf_counter() - begin
    processor, memory = map(float, done.stdout.split()[-2:])
    return wall, processor, memory


def run_stage(stage: str, folder: Path) -> None:
    STAGES[stage](folder)
    usages = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        sum(usage.ru_utime + usage.ru_stime for usage in usages),
        max(usage.ru_maxrss for usage in usages) / 1024,
    )


def processor_name() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((x.split(": ")[1] for x in lines if x.startswith("model name")), "processor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--atoms", type=float, default=MEAN_ATOMS, help="mean atoms of a frame")
    parser.add_argument("--clusters", action="store_true", help="time diverse subsets too")
    parser.add_argument("--folder", type=Path, help="keep the files here, and take those there")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help="write the table to this Markdown file")
    arguments = parser.parse_args()
    if arguments.stage:
        run_stage(arguments.stage, arguments.folder)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for level, n_frames in (("source", SMALL_LEVEL), ("target", arguments.frames)):
            if not (folder / f"{level}.parquet").exists():
                generate(folder / f"{level}.parquet", n_frames, arguments.atoms)
        stages = [s for s in STAGES if arguments.clusters or s not in list(STAGES)[-2:]]
        lines = ["| stage | wall time, s | processor time, s | peak memory, MB |", "| --- | ---: |"]
        lines[1] += " ---: | ---: |"
        for stage in stages:
            numbers = measure(stage, folder)
            lines.append(f"| {stage} | " + " | ".join(f"{x:.0f}" for x in numbers) + " |")
            print(lines[-1], flush=True)
    text = (
        f"{arguments.frames:,} frames of {arguments.atoms:g} atoms on average in "
        f"{arguments.frames // FRAMES_PER_MATERIAL:,} materials, beside a level of "
        f"{SMALL_LEVEL:,} frames; {processor_name()}, {len(os.sched_getaffinity(0))} cores, Python "
        f"{platform.python_version()}.\n\n" + "\n".join(lines) + "\n"
    )
    print(text)
    if arguments.output:
        write_text(arguments.output, text)


if __name__ == "__main__":
    main()

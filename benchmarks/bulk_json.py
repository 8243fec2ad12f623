"""Time the conversion of bulk JSON against its size, and measure the memory that it takes.

A file as MPtrj has it is written, of the real MPtrj frames under new ids (or of made-up cells where
these are absent), and converted as the workflow's job does: digest, reading, check of the labels,
screening, Parquet. Every size is converted by a process of its own.

    python benchmarks/bulk_json.py                             # 10,000 to 200,000 frames
    python benchmarks/bulk_json.py --sizes 10000 30000 --folder DIR
    python benchmarks/bulk_json.py --output docs/bulk_json.md --figure docs/figures/bulk_json.png
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from cells import MPTRJ, random_labels, read_cells, small_cells
from pymatgen.core import Structure

from rungs.config.data import Level, Screening
from rungs.figures.style import BLUE, DOUBLE, VERMILION, new_figure, save, styled
from rungs.frames.faults import judge
from rungs.frames.screening import screen_to_file
from rungs.frames.table import FrameWriter
from rungs.sources import provenance, read_source
from rungs.sources.json_documents import iter_documents
from rungs.sources.label_check import check_labels
from rungs.sources.structures import parse_document

SIZES = (10_000, 30_000, 100_000, 200_000)
WANTED_RATE, WANTED_MB = 1000, 1500
FRAMES_PER_MATERIAL = 11
"""As in MPtrj: 1.58 million frames of 146 thousand materials."""
LEVEL = Level.model_validate(
    {
        "label": "GGA",
        "functional": "GGA",
        "data": {"kind": "mp_json", "train": ["bulk.json"], "energy": "corrected"},
    }
)


def documents(n: int) -> list[dict]:
    """``n`` documents of MPtrj's kind: real structures where there are any."""
    structures = read_cells(MPTRJ, n) if MPTRJ.is_file() else _large_cells(n)
    return [
        {
            "structure": structure.as_dict(),
            "uncorrected_total_energy": (label.energy + 0.3) * len(structure),
            "corrected_total_energy": label.energy * len(structure),
            "energy_per_atom": label.energy,
            "ef_per_atom": label.energy / 7,
            "e_per_atom_relaxed": label.energy - 0.01,
            "ef_per_atom_relaxed": label.energy / 7 - 0.01,
            "force": np.round(label.forces, 8).tolist(),
            "stress": np.round(-10 * label.stress, 8).tolist(),
            "magmom": np.round(label.magmoms, 3).tolist(),
            "bandgap": 0.0,
            "mp_id": "mp-0",
        }
        for structure, label in zip(structures, random_labels(structures), strict=True)
    ]


def _large_cells(n: int) -> list[Structure]:
    """Made-up cells of 30 atoms on average."""
    return [cell * (1, 1, 3 + i % 5) for i, cell in enumerate(small_cells(n))]


def write_bulk(path: Path, n_frames: int, texts: list[str]) -> int:
    """Write a nested JSON file of ``n_frames`` frames; return its size in bytes."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("{")
        for number in range(n_frames):
            material, step = divmod(number, FRAMES_PER_MATERIAL)
            if step == 0:
                handle.write(f'{"}, " if material else ""}"mp-{material}": {{')
            else:
                handle.write(", ")
            handle.write(f'"mp-{material}-0-{step}": {texts[number % len(texts)]}')
        handle.write("}}")
        return handle.tell()


def convert(folder: Path) -> dict[str, float]:
    """Convert ``bulk.json`` as the workflow does; time and peak memory of this process."""
    from rungs.potentials.device import prepare_process
    from rungs.training.record import peak_resident_bytes

    prepare_process(1)
    wall, processor = time.perf_counter(), time.process_time()
    origin = provenance(LEVEL, folder, 0)
    _, items = check_labels(read_source(LEVEL, folder, 0), "source")
    screened = screen_to_file(
        items, Screening(), folder / "bulk.parquet", folder / "rejects.csv", origin
    )
    return {
        "frames": screened.n_passed,
        "rejected": len(screened.rejects),
        "wall_s": time.perf_counter() - wall,
        "processor_s": time.process_time() - processor,
        "peak_mb": peak_resident_bytes() / 1e6,
    }


def measure(folder: Path, sizes: list[int], texts: list[str]) -> Iterator[dict[str, float]]:
    """Write, convert and delete a file of each size."""
    for size in sizes:
        file_mb = write_bulk(folder / "bulk.json", size, texts) / 1e6
        command = [sys.executable, __file__, "--convert", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        yield json.loads(done.stdout.splitlines()[-1]) | {"file_mb": file_mb}
        for name in ("bulk.json", "bulk.parquet", "rejects.csv"):
            (folder / name).unlink()


def stages(folder: Path, texts: list[str]) -> list[tuple[str, float]]:
    """Frames a second of each stage by itself, and of what else could do its work."""
    n = len(texts)
    write_bulk(folder / "bulk.json", n, texts)
    cut = list(iter_documents(folder / "bulk.json", "", ("{", "{")))
    frames = list(read_source(LEVEL, folder, 0))

    def exhaust(items) -> None:
        for _ in items:
            pass

    def write() -> None:
        with FrameWriter(folder / "bulk.parquet", {}) as writer:
            for frame in frames:
                writer.write(frame)

    works: dict[str, Callable[[], object]] = {
        "cutting the file into documents": lambda: exhaust(
            iter_documents(folder / "bulk.json", "", ("{", "{"))
        ),
        "parsing documents (orjson)": lambda: exhaust(parse_document(d.text) for d in cut),
        "… with Python's json instead": lambda: exhaust(json.loads(d.text) for d in cut),
        "… and pymatgen's Structure.from_dict": lambda: exhaust(
            Structure.from_dict(json.loads(d.text)["structure"]) for d in cut
        ),
        "all of reading: file to frames": lambda: exhaust(read_source(LEVEL, folder, 0)),
        "the screening": lambda: exhaust(judge(frame, Screening()) for frame in frames),
        "writing Parquet": write,
    }
    rates = []
    for name, work in works.items():
        seconds = []
        for _ in range(3):
            begin = time.process_time()
            work()
            seconds.append(time.process_time() - begin)
        rates.append((name, n / min(seconds)))
    return rates


def markdown(header: tuple[str, ...], rows: list[tuple]) -> str:
    """A table whose first column is text."""
    lines = ["| " + " | ".join(header) + " |", "|---" + "|---:" * (len(header) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


@styled
def draw(found: list[dict[str, float]], path: Path) -> None:
    """Time and memory against the number of frames."""
    figure = new_figure(DOUBLE, 2.5)
    left, right = figure.subplots(1, 2)
    frames = np.array([row["frames"] for row in found])
    left.loglog(frames, [row["processor_s"] for row in found], "o-", color=BLUE)
    left.loglog(frames, frames / WANTED_RATE, "--", color=VERMILION)
    left.text(
        frames[-1], frames[-1] / WANTED_RATE / 12, f"dashed: {WANTED_RATE:,} frames/s", ha="right"
    )
    left.set(xlabel="frames", ylabel="processor time / s")
    right.semilogx(frames, [row["peak_mb"] for row in found], "o-", color=BLUE)
    right.axhline(WANTED_MB, ls="--", color=VERMILION)
    right.set(xlabel="frames", ylabel="peak resident memory / MB", ylim=(0, 1.1 * WANTED_MB))
    save(figure, [path])


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of frames")
    parser.add_argument("--folder", type=Path, help="for the files, 9 kB a frame (default: a new)")
    parser.add_argument("--output", type=Path, help="file to write the tables to")
    parser.add_argument("--figure", type=Path, help="PNG to draw into")
    parser.add_argument("--convert", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if arguments.convert:
        print(json.dumps(convert(arguments.convert)))
        return
    made = documents(1000)
    texts = [json.dumps(document) for document in made]
    n_atoms = np.mean([len(document["force"]) for document in made])
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        found = []
        for row in measure(folder, sorted(arguments.sizes), texts):
            found.append(row)
            print({key: round(value, 1) for key, value in row.items()}, flush=True)
        rates = stages(folder, texts)
    growth = (found[-1]["peak_mb"] - found[0]["peak_mb"]) / (
        found[-1]["frames"] - found[0]["frames"]
    )
    text = [
        "# Converting bulk JSON",
        f"{_processor()}; Python {platform.python_version()}; `make benchmark-data`. Documents of "
        f"{n_atoms:.1f} atoms on average, {'real MPtrj' if MPTRJ.is_file() else 'made-up'} "
        "structures under new ids.\nOne process on one core does what the workflow's job does: "
        "digest of the file, reading, check of the labels, screening, Parquet.\nMemory is the "
        "process's peak, Python and PyTorch included. Where the two times differ, other "
        "programs had the core.",
        markdown(
            ("frames", "file, MB", "time, s", "processor, s", "frames/s and core", "peak, MB"),
            [
                (
                    f"{row['frames']:,}",
                    f"{row['file_mb']:,.0f}",
                    f"{row['wall_s']:.1f}",
                    f"{row['processor_s']:.1f}",
                    f"{row['frames'] / row['processor_s']:,.0f}",
                    f"{row['peak_mb']:.0f}",
                )
                for row in found
            ],
        ),
        f"Only ids stay in memory: from the smallest file to the largest the peak grows by\n"
        f"{1e6 * growth:.0f} bytes a frame, which for the 1.58 million frames of MPtrj makes "
        f"{found[0]['peak_mb'] + growth * 1_580_395:.0f} MB.",
        "Each stage by itself, in frames per second of processor time:",
        markdown(("stage", "frames/s"), [(name, f"{rate:,.0f}") for name, rate in rates]),
    ]
    if arguments.figure:
        draw(found, arguments.figure)
        text.insert(3, f"![Time and memory against size](figures/{arguments.figure.name})")
    print("\n" + "\n\n".join(text[1:]))
    if arguments.output:
        arguments.output.write_text("\n\n".join(text) + "\n", encoding="utf-8")


def _processor() -> str:
    from torch import device

    from rungs.training.record import device_name

    return device_name(device("cpu"))


if __name__ == "__main__":
    main()

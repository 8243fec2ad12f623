"""Time our training engine against chgnet's, alternating in one process, and write a table.

An epoch is what is timed: chgnet's ``Trainer`` on chgnet's dataset and loader against our step, on
the same frames with the same labels, model, batch size and threads; its graphs are converted before
the clock starts, and so are ours. The first epochs of both are not counted.

Beside that: what threads bring, a step of molecular dynamics, and graphs. Where there is a GPU, its
numbers are compared with the CPU's before anything is timed.

    python benchmarks/engine.py                      # all cases, table on the terminal
    python benchmarks/engine.py --case full --frames mptrj-random-1k.xyz --threads 2
    python benchmarks/engine.py --matgl VENV/bin/python --output docs/benchmark.md
"""

import argparse
import copy
import gc
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from cells import MPTRJ, random_labels, read_cells, small_cells
from peer import MatglPeer
from sides import epoch_of_chgnet, epoch_of_ours
from threads import time_threads

from rungs.config import read_study
from rungs.config.architectures import CHGNetArchitecture
from rungs.graphs.build import build_graph
from rungs.potentials.chgnet.compiled.library import compiled_library
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.models import new_model
from rungs.training.record import device_name, peak_resident_bytes

ROOT = Path(__file__).parents[1]
THREE_BLOCKS = CHGNetArchitecture(
    atom_fea_dim=32,
    bond_fea_dim=32,
    angle_fea_dim=32,
    atom_conv_hidden_dim=32,
    bond_conv_hidden_dim=32,
    mlp_hidden_dims=[32, 32],
    n_conv=3,
    num_radial=15,
    num_angular=15,
    atom_graph_cutoff=5.0,
)
CASES = ("full", "default", "small")
OTHERS = ("threads", "dynamics", "graphs")
HEADER = ("", "frames/s", "median ms", "min ms", "ratio of medians", "ratio of minima", "peak MB")


class Case:
    """A model, its frames and how many of them make a batch."""

    def __init__(self, name: str, frames: Path) -> None:
        if name == "full":
            self.model, self.batch_size = load_published("0.3.0"), 16
            present = frames.is_file()
            self.structures = read_cells(frames, 32) if present else small_cells(64)
            kind = "MPtrj frames" if present else "rattled 6-atom cells"
        else:
            study = read_study(ROOT / "config.yaml")
            architecture = study.architecture if name == "default" else THREE_BLOCKS
            self.model = new_model(architecture, 0)
            self.batch_size = study.fine_tuning.batch_size if name == "default" else 32
            self.structures, kind = small_cells(4 * self.batch_size), "rattled 6-atom cells"
        self.labels = random_labels(self.structures)
        n = sum(p.numel() for p in self.model.parameters())
        atoms = sum(len(s) for s in self.structures) / len(self.structures)
        self.title = (
            f"{name}: {n:,} parameters, {len(self.structures)} {kind} of {atoms:.0f} atoms on "
            f"average, {self.batch_size} in a batch"
        )

    def epochs(self, wanted: list[str], device: torch.device) -> dict[str, Callable[[], None]]:
        """Return what is timed, each on a model of its own."""
        made = {}
        for name in wanted:
            model = copy.deepcopy(self.model)
            arguments = (model, self.structures, self.labels, self.batch_size, device)
            if name == "chgnet":
                made[name] = epoch_of_chgnet(*arguments)
            else:
                made[name], _ = epoch_of_ours(
                    *arguments, compiled=name == "rungs, compiled", tf32=name == "rungs, TF32"
                )
        return made


def alternate(
    epochs: dict[str, Callable[[], None]], rounds: int, device: torch.device, skipped: int = 2
) -> dict[str, list[float]]:
    """Return the seconds that each epoch took in each counted round."""
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(rounds + skipped):
        for name, epoch in epochs.items():
            gc.collect()  # what one side leaves behind is not the other's to clear up
            begin = time.perf_counter()
            epoch()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if turn >= skipped:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def rows_of(seconds: dict[str, list[float]], per_epoch: int, peaks: dict[str, float]) -> list:
    """Return a table's rows: throughput, times and ratios to the first."""
    base = next(iter(seconds.values()))
    table = []
    for name, values in seconds.items():
        median, least = statistics.median(values), min(values)
        ratios = sorted(b / v for b, v in zip(base, values, strict=True))
        low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
        table.append(
            (
                name,
                f"{per_epoch / median:.1f}",
                f"{1e3 * median:.1f}",
                f"{1e3 * least:.1f}",
                f"{statistics.median(base) / median:.2f} ({low:.2f}–{high:.2f})",
                f"{min(base) / least:.2f}",
                f"{peaks[name]:.0f}" if name in peaks else "",
            )
        )
    return table


def markdown(header: tuple, rows: list) -> str:
    """Return a table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def products(epochs: dict[str, Callable[[], None]], seconds: dict[str, list[float]]) -> list[str]:
    """Return lines on the matrix products: how many, and their share of the time."""
    from torch.profiler import ProfilerActivity, profile

    square = torch.randn(1024, 1024, device="cpu")
    rate = 2 * 1024**3 / min(_timed(lambda: square @ square) for _ in range(20))
    lines = [f"A product of large matrices runs at {rate / 1e9:.0f} GFLOP/s here."]
    for name in ("chgnet", "rungs, eager"):
        if name not in epochs:
            continue
        with profile(activities=[ProfilerActivity.CPU], with_flops=True) as found:
            epochs[name]()
        kinds = {"aten::mm", "aten::addmm", "aten::bmm"}
        flops = sum(event.flops for event in found.key_averages() if event.key in kinds)
        ideal = flops / rate
        line = f"{name}: {flops / 1e9:.1f} GFLOP an epoch in matrix products, "
        line += f"{ideal / statistics.median(seconds[name]):.0%} of its time at that rate"
        if name == "rungs, eager" and "rungs, compiled" in seconds:
            share = ideal / statistics.median(seconds["rungs, compiled"])
            line += f", {share:.0%} of the compiled one's"
        lines.append(line + ".")
    return lines


def _timed(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def time_graphs(path: Path, rounds: int) -> str:
    """Return a table of the time per frame of graph construction, published cutoffs."""
    from chgnet.graph import CrystalGraphConverter

    structures = read_cells(path, 100) if path.is_file() else small_cells(100)
    converter = CrystalGraphConverter(on_isolated_atoms="ignore")
    # chgnet takes structures; our frames are arrays from the start
    frames = [(s.lattice.matrix, s.atomic_numbers, s.cart_coords) for s in structures]
    seconds = alternate(
        {
            "chgnet": lambda: [converter(s) for s in structures],
            "rungs": lambda: [build_graph(*frame, 6.0, 3.0) for frame in frames],
        },
        max(3, rounds // 2),
        torch.device("cpu"),
        skipped=1,
    )
    rows = rows_of(seconds, len(structures), {})
    return f"### graphs: {len(structures)} frames\n\n" + markdown(
        HEADER[:-1], [row[:-1] for row in rows]
    )


def alone(case: str, name: str, arguments: argparse.Namespace, **options: int) -> subprocess.Popen:
    """Start a process that trains with one engine alone; its last line is JSON."""
    options = {"threads": arguments.threads, "rounds": 2} | options
    command = [sys.executable, __file__, "--case", case, "--alone", name]
    command += ["--frames", str(arguments.frames)]
    for key, value in options.items():
        command += [f"--{key}", str(value)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def outcome(process: subprocess.Popen) -> dict:
    """Return what a process of :func:`alone` found: ``seconds`` of its epochs and ``peak_mb``."""
    text, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("a process of the benchmark ended; see its message above")
    return json.loads(text.splitlines()[-1])


def peak_memory(case: str, arguments: argparse.Namespace, names: list[str]) -> dict[str, float]:
    """Return the peak memory in MB of a process that trains with one engine alone: resident, or
    allocated on the GPU."""
    return {name: outcome(alone(case, name, arguments))["peak_mb"] for name in names}


def left_out(arguments: argparse.Namespace, device: torch.device) -> list[str]:
    """Return what this machine, or the command, leaves out."""
    lines = []
    if device.type == "cpu":
        lines.append("on a GPU (none here): equality, timings, TF32, memory")
        if compiled_library() is None:
            lines.append("the compiled network (it cannot be built here)")
    if not arguments.matgl:
        lines.append("matgl (give `--matgl` the Python of an environment that has it)")
    if not arguments.frames.is_file():
        lines.append(f"the full model on MPtrj frames ({arguments.frames} is missing)")
    return lines


def main() -> None:
    """Run the cases that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--case", choices=(*CASES, *OTHERS, "all"), default="all")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="PyTorch threads (default: 2)")
    parser.add_argument(
        "--frames", type=Path, default=MPTRJ, help="extended XYZ, for the full model"
    )
    parser.add_argument("--matgl", help="the Python of an environment that has matgl")
    parser.add_argument("--output", type=Path, help="file to write the table to")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # for both sides, as our jobs do: chgnet's trainer alone does not
    torch.set_flush_denormal(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.alone:
        epoch = Case(arguments.case, arguments.frames).epochs([arguments.alone], device)
        (seconds,) = alternate(epoch, arguments.rounds, device).values()
        peak = peak_resident_bytes()
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated(device)
        print(json.dumps({"peak_mb": peak / 1e6, "seconds": seconds}))
        return
    text = [
        "# The training engine against chgnet's",
        f"{device_name(device)}; {arguments.threads} threads; PyTorch {torch.__version__}, Python "
        f"{platform.python_version()}; {arguments.rounds} rounds, alternating in one process; "
        f"`make benchmark`, case {arguments.case}. Ratios are to chgnet, with the tenth and "
        "ninetieth percentile over rounds. Denormal numbers are flushed for both. Peak memory is "
        "that of a process with one engine alone, PyTorch and chgnet themselves included.",
    ]
    if missing := left_out(arguments, device):
        text.append("Not measured: " + "; ".join(missing) + ".")
    print("\n\n".join(text), flush=True)
    for part in parts(arguments, device):
        print(f"\n\n{part}", flush=True)
        text.append(part)
    if arguments.output:
        arguments.output.write_text("\n\n".join(text) + "\n")


def parts(arguments: argparse.Namespace, device: torch.device) -> Iterator[str]:
    """Yield the parts of the page one by one."""
    asked = (*CASES, *OTHERS) if arguments.case == "all" else (arguments.case,)
    names = ["chgnet", "rungs, eager"]
    if device.type == "cuda":
        names.append("rungs, TF32")
    elif compiled_library() is not None:
        names.append("rungs, compiled")
    for name in [name for name in CASES if name in asked]:
        case = Case(name, arguments.frames)
        yield f"### {case.title}"
        if device.type == "cuda":
            from gpu import compare_with_cpu

            yield compare_with_cpu(case, device)
        epochs = case.epochs(names, device)
        if arguments.matgl:
            epochs["matgl"] = MatglPeer(arguments.matgl, case, arguments.threads)
        seconds = alternate(epochs, arguments.rounds, device)
        yield markdown(
            HEADER,
            rows_of(seconds, len(case.structures), peak_memory(name, arguments, names)),
        )
        if device.type == "cpu":
            yield "\n\n".join(products(epochs, seconds))
    if "threads" in asked and device.type == "cpu":
        yield "### threads: one job of two threads, or two jobs of one"
        yield markdown(*time_threads(CASES, lambda *a, **k: alone(*a, arguments, **k), outcome))
    if "dynamics" in asked:
        # not before: what it imports would count as memory of the engines
        from dynamics import time_dynamics

        yield "### dynamics: a step of molecular dynamics of 64 silicon atoms"
        yield markdown(*time_dynamics(device, max(10, arguments.rounds)))
    if "graphs" in asked:
        yield time_graphs(arguments.frames, arguments.rounds)


if __name__ == "__main__":
    main()

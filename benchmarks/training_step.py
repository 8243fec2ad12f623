"""Time a training step and the construction of graphs against chgnet's own, alternating.

Both sides run in one process, one after the other in every round, on the same frames, with the
same weights and the same loss on energies, forces, stresses and magnetic moments. A step is the
prediction, the loss and its gradient with respect to the parameters; ours includes putting the
batch together. The first rounds are not counted. Medians and minima are printed.

    python benchmarks/training_step.py --case small
    python benchmarks/training_step.py --case full --frames mptrj-random-1k.xyz
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from pymatgen.core import Lattice, Structure
from torch import Tensor, nn
from torch.nn.functional import huber_loss

from rungs.config.training import Architecture
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore
from rungs.potential.forward import BatchedCHGNet
from rungs.potential.published import load_published, new_model

SMALL = Architecture(
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
SHARED = Path(__file__).parents[2] / "shared/data/mptrj_random_1k/mptrj-random-1k.xyz"


def small_cells(n: int, seed: int = 0) -> list[Structure]:
    """Return rattled 6-atom cells, rutile and fluorite by turns, of various compounds."""
    rng = np.random.default_rng(seed)
    rutile = [[0, 0, 0], [0.5, 0.5, 0.5], [0.3, 0.3, 0], [0.7, 0.7, 0], [0.8, 0.2, 0.5]]
    rutile.append([0.2, 0.8, 0.5])
    layered = [[0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]
    layered += [[0.25, 0.75, 0.25], [0.75, 0.25, 0.75]]
    cells = []
    for i in range(n):
        cation = ["Ti", "Sn", "Mn", "Mg", "Zr", "Ca"][i % 6]
        anion = ["O", "F", "S"][i % 3]
        scale = rng.uniform(0.95, 1.1)
        lattice = Lattice(np.diag([4.7, 4.7, 3.6]) * scale + rng.normal(0, 0.05, (3, 3)))
        sites = np.array([rutile, layered][i % 2]) + rng.normal(0, 0.01, (6, 3))
        cells.append(Structure(lattice, [cation] * 2 + [anion] * 4, sites))
    return cells


def read_cells(path: Path, n: int) -> list[Structure]:
    """Return ``n`` structures, evenly spaced through an extended-XYZ file."""
    from ase.io import read

    frames = read(path, ":")
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, n).astype(int)]
    return [
        Structure(
            Lattice(np.array(f.cell)), f.numbers, f.get_positions(), coords_are_cartesian=True
        )
        for f in chosen
    ]


def our_graph(structure: Structure, cutoffs: Sequence[float]):
    """Return our graph of a pymatgen structure."""
    numbers = [site.specie.Z for site in structure]
    return build_graph(structure.lattice.matrix, numbers, structure.cart_coords, *cutoffs)


def alternate(
    steps: dict[str, Callable[[], object]], rounds: int, skipped: int = 2
) -> dict[str, list[float]]:
    """Return the seconds that each step took in each counted round."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + skipped):
        for name, step in steps.items():
            begin = time.perf_counter()
            step()
            if turn >= skipped:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def report(title: str, seconds: dict[str, list[float]]) -> None:
    """Print medians, minima and ratios to the first row."""
    print(f"\n{title}\n{'':14} {'median ms':>10} {'min ms':>10} {'× median':>9} {'× min':>7}")
    base = next(iter(seconds.values()))
    for name, values in seconds.items():
        median, least = statistics.median(values), min(values)
        print(
            f"{name:14} {1e3 * median:10.2f} {1e3 * least:10.2f} "
            f"{statistics.median(base) / median:9.2f} {min(base) / least:7.2f}"
        )


def time_steps(title: str, model: nn.Module, structures: list[Structure], rounds: int) -> None:
    """Time the training step of chgnet and ours on the same frames."""
    model.graph_converter.set_isolated_atom_response("ignore")
    converter = model.graph_converter
    cutoffs = (float(converter.atom_graph_cutoff), float(converter.bond_graph_cutoff))
    graphs = [converter(structure) for structure in structures]
    store = GraphStore.from_graphs([our_graph(s, cutoffs) for s in structures], *cutoffs)
    frames = np.arange(len(store))
    generator = torch.Generator().manual_seed(0)
    n_atoms = int(store.n_atoms.sum())
    targets = [
        torch.randn(shape, generator=generator)
        for shape in ((len(store),), (n_atoms, 3), (len(store), 3, 3), (n_atoms,))
    ]
    parameters = [p for p in model.parameters() if p.requires_grad]
    potential = BatchedCHGNet(model)

    def loss(*predictions: Tensor) -> Tensor:
        return sum(
            weight * huber_loss(predicted, target, delta=0.1)
            for weight, predicted, target in zip((3, 1, 0.1, 1), predictions, targets, strict=True)
        )

    def step_of_chgnet() -> None:
        found = model(graphs, task="efsm")
        forces, stress = torch.cat(found["f"]), torch.stack(found["s"])
        loss(found["e"], forces, stress, torch.cat(found["m"])).backward()
        model.zero_grad()

    def our_step() -> None:
        found = potential(store.batch(frames))
        total = loss(found.energy, found.forces, found.stress, found.magmoms)
        total.backward(inputs=parameters)
        model.zero_grad()

    def our_prediction() -> None:
        potential(store.batch(frames), create_graph=False)

    n_edges, n_angles = 2 * int(store.n_bonds.sum()), int(store.n_angles.sum())
    title += f": {len(store)} frames, {n_atoms} atoms, {n_edges} directed edges, {n_angles} angles"
    steps = {"chgnet": step_of_chgnet, "rungs": our_step}
    report(title, alternate(steps, rounds))
    batch = {"predict": our_prediction, "batch only": lambda: store.batch(frames)}
    report("parts of ours", alternate(batch, rounds))


def time_graphs(structures: list[Structure], rounds: int) -> None:
    """Time the construction of graphs with the cutoffs of the published models, per frame."""
    from chgnet.graph import CrystalGraphConverter

    converter = CrystalGraphConverter(on_isolated_atoms="ignore")
    seconds = alternate(
        {
            "chgnet": lambda: [converter(s) for s in structures],
            "rungs": lambda: [our_graph(s, (6.0, 3.0)) for s in structures],
        },
        rounds,
        skipped=1,
    )
    per_frame = {name: [v / len(structures) for v in values] for name, values in seconds.items()}
    report(f"graphs, per frame (mean of {len(structures)})", per_frame)


def main() -> None:
    """Run the cases that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--case", choices=("small", "full", "graphs", "all"), default="all")
    parser.add_argument("--rounds", type=int, default=10, help="counted rounds (default: 10)")
    parser.add_argument("--threads", type=int, default=1, help="PyTorch threads (default: 1)")
    parser.add_argument(
        "--frames", type=Path, default=SHARED, help="extended-XYZ file for the full model"
    )
    parser.add_argument(
        "--flush-denormals",
        action="store_true",
        help="let the CPU round numbers below 1e-38 to 0, for both (saturated gates make many)",
    )
    arguments = parser.parse_args()
    # before PyTorch starts its threads, which inherit it
    torch.set_flush_denormal(arguments.flush_denormals)
    torch.set_num_threads(arguments.threads)
    # chgnet converts volumes that carry a gradient
    warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True")
    denormals = "flushed" if arguments.flush_denormals else "kept"
    print(f"PyTorch {torch.__version__}, {arguments.threads} thread(s), denormals {denormals}")
    models = {"small": new_model(SMALL, 0), "full": load_published("0.3.0")}
    present = arguments.frames.is_file()
    if arguments.case in ("small", "all"):
        time_steps("small model", models["small"], small_cells(32), arguments.rounds)
    if arguments.case in ("full", "all"):
        cells = read_cells(arguments.frames, 16) if present else small_cells(64)
        time_steps("full model", models["full"], cells, arguments.rounds)
    if arguments.case in ("graphs", "all"):
        cells = read_cells(arguments.frames, 100) if present else small_cells(100)
        time_graphs(cells, max(3, arguments.rounds // 3))


if __name__ == "__main__":
    main()

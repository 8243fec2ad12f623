"""Time the filters on trajectories of the mean size of MPtrj's frames.

    python benchmarks/filters.py --materials 2000

Made up: each material is a relaxation of 10 steps in which energies fall from 0.3 eV/atom above the
last and atoms come to rest, and half the materials have the last 5 steps a second time, in
another choice of cell: these go through pymatgen's StructureMatcher.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator

import numpy as np

from rungs.config.filters import Filters
from rungs.filters import FilterChain
from rungs.frames.frame import Frame

MEAN_ATOMS = 31
STEPS = 10


def trajectories(n_materials: int, copies: bool) -> Iterator[Frame]:
    random = np.random.default_rng(0)
    for material in range(n_materials):
        n_atoms = int(np.clip(random.gamma(1.5, MEAN_ATOMS / 1.5), 2, 200))
        numbers = np.sort(random.integers(1, 90, 3)[random.integers(0, 3, n_atoms)])
        cell = np.cbrt(15 * n_atoms) * (np.eye(3) + 0.05 * random.normal(size=(3, 3)))
        rest = random.random((n_atoms, 3))
        shift = 0.02 * random.normal(size=(n_atoms, 3))
        other = cell[[1, 2, 0]]
        steps = [(step, cell, slice(None)) for step in range(STEPS)]
        if copies and material % 2:
            steps += [(step, other, [1, 2, 0]) for step in range(STEPS // 2, STEPS)]
        for number, (step, axes, order) in enumerate(steps):
            places = rest + shift * (1 - step / STEPS) ** 2
            energy = -5 + 0.3 * (1 - (step + 1) / STEPS) ** 4
            yield Frame(
                frame_id=f"{material}-{number}",
                material_id=str(material),
                functional="GGA",
                cell=axes,
                atomic_numbers=numbers,
                cart_coords=places[:, order] @ axes,
                energy=energy * n_atoms,
                forces=np.zeros((n_atoms, 3)),
                converged=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--materials", type=int, default=2000)
    arguments = parser.parse_args()
    window, near = {"relaxed": "lowest"}, {}
    cases = {
        "none": ({}, False),
        "converged, elements": ({"converged": True, "elements": {"without": ["Xe"]}}, False),
        "energy_window": ({"energy_window": window}, False),
        "energy_window, near_duplicates": (
            {"energy_window": window, "near_duplicates": near},
            False,
        ),
        "near_duplicates, a quarter in another cell": ({"near_duplicates": near}, True),
        "near_duplicates by energy alone": ({"near_duplicates": {"structures": False}}, True),
    }
    print("| filters | frames | removed | frames per second of processor time |")
    print("| --- | ---: | ---: | ---: |")
    for name, (options, copies) in cases.items():
        frames = list(trajectories(arguments.materials, copies))
        with tempfile.TemporaryDirectory() as folder:
            chain = FilterChain(Filters.model_validate(options), folder, "source")
            begin = time.process_time()
            for _ in chain(frames):
                pass
            seconds = time.process_time() - begin
        removed = sum(chain.counts.values())
        print(f"| {name} | {len(frames):,} | {removed:,} | {len(frames) / seconds:,.0f} |")


if __name__ == "__main__":
    main()

"""A step of molecular dynamics: chgnet's calculator, one run after the other, and ours at once."""

import statistics
import time

import numpy as np
import torch
from ase.build import bulk
from chgnet.model.dynamics import CHGNetCalculator

from rungs.config import read_study
from rungs.potentials.chgnet.published import load_published
from rungs.potentials.models import new_model
from rungs.simulation.calculator import ModelForces

HEADER = ("", "runs at once", "ms a step and run", "of it graphs", "ratio to chgnet")


def time_dynamics(device: torch.device, rounds: int) -> tuple[tuple, list]:
    """Return a table of the time of energies and forces, graphs included, without the integrator.

    Args:
        device: to compute on.
        rounds: steps, of which medians are taken.
    """
    random = np.random.default_rng(0)
    runs = [bulk("Si", cubic=True) * (2, 2, 2) for _ in range(8)]
    for atoms in runs:
        atoms.rattle(0.1, rng=random)
    rows = []
    small = new_model(read_study("config.yaml").architecture, 0)
    for name, model in (("default", small), ("full", load_published("0.3.0"))):
        model.to(device)
        calculator = CHGNetCalculator(model=model, use_device=str(device))

        def step_of_chgnet(calculator=calculator) -> None:
            calculator.calculate(runs[0], properties=["energy", "forces"])

        chgnet = _median(step_of_chgnet, rounds)
        rows.append((f"{name}, chgnet", "1", f"{1e3 * chgnet:.2f}", "", "1.00"))
        ours = ModelForces(model)
        for n in (1, 8):
            step = _median(lambda n=n, ours=ours: ours(runs[:n]), rounds) / n
            graphs = _median(lambda ours=ours: ours._graph(runs[0]), rounds)
            rows.append(
                (
                    f"{name}, rungs",
                    str(n),
                    f"{1e3 * step:.2f}",
                    f"{1e3 * graphs:.2f}",
                    f"{chgnet / step:.1f}",
                )
            )
    return HEADER, rows


def _median(step, rounds: int) -> float:
    seconds = []
    for turn in range(rounds + 2):
        begin = time.perf_counter()
        step()
        if turn >= 2:
            seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)

"""How much consecutive frames of a simulation still have in common."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from rungs.frames.frame import Frame

SAMPLING_COLUMNS = (
    "level",
    "group",
    "temperature_k",
    "n_runs",
    "n_frames",
    "interval_ps",
    "force_correlation",
    "energy_correlation",
    "energy_correlation_if_independent",
)


def sampling_rows(level: str, frames: Iterable[Frame], interval: float) -> list[dict]:
    """Return rows of ``SAMPLING_COLUMNS``: the autocorrelation at one interval, by phase and
    temperature.

    Each material is a run, and its frames come in their order. With F the forces of a frame,
    ``force_correlation`` is Σ F(t)·F(t+Δ) / √(Σ F(t)² Σ F(t+Δ)²) over all pairs of consecutive
    frames: 1 for copies, −1 for vibrations in opposite phase, 0 for frames that have nothing in
    common. ``energy_correlation`` is Σ (E(t)−Ē)(E(t+Δ)−Ē) / Σ (E−Ē)², Ē being a
    run's own mean, which pulls the result down: n independent frames of a run give about −1/n, as
    ``energy_correlation_if_independent`` says. Empty where runs have one frame only.

    Args:
        level: ``source`` or ``target``.
        frames: of one level.
        interval: time between frames, in ps.
    """
    runs: dict[tuple, dict[str, list[Frame]]] = defaultdict(lambda: defaultdict(list))
    for frame in frames:
        runs[frame.group, frame.temperature][frame.material_id].append(frame)
    rows = []
    for (group, temperature), of_condition in runs.items():
        products, first, second = 0.0, 0.0, 0.0
        lagged, squares, independent = 0.0, 0.0, []
        for run in of_condition.values():
            forces = np.array([frame.forces for frame in run])
            products += float(np.sum(forces[:-1] * forces[1:]))
            first += float(np.sum(forces[:-1] ** 2))
            second += float(np.sum(forces[1:] ** 2))
            energies = np.array([frame.energy for frame in run])
            energies -= energies.mean()
            lagged += float(energies[:-1] @ energies[1:])
            squares += float(energies @ energies)
            independent.append(-1 / len(run))
        values = (
            level,
            group,
            temperature,
            len(of_condition),
            sum(map(len, of_condition.values())),
            interval,
            float(products / np.sqrt(first * second)) if first * second else None,
            lagged / squares if squares else None,
            float(np.mean(independent)) if squares else None,
        )
        rows.append(dict(zip(SAMPLING_COLUMNS, values, strict=True)))
    return rows

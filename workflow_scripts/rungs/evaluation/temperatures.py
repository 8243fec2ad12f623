"""Temperature transfer: trained at some temperatures, tested at others."""

import os
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from rungs.evaluation.breakdown import MAE_COLUMNS, RunErrors, iter_runs
from rungs.potentials.properties import UNITS

TEMPERATURE_COLUMNS = (
    "method",
    "size",
    "pool",
    "train_temperatures_k",
    "test_temperature_k",
    "trained_there",
    "property",
    "unit",
    "mae",
    "lowest",
    "highest",
    "n_seeds",
    "n_frames",
)


def temperature_transfer(
    files: Mapping[tuple[str, int], str | os.PathLike],
    frame_ids: Sequence[str],
    temperatures: Mapping[str, float],
    pools: Mapping[str, tuple[str | None, Collection[str]]],
) -> list[dict]:
    """Return rows of ``TEMPERATURE_COLUMNS``: errors on the test frames of each temperature.

    ``mae`` is the mean over a method's seeds of the MAE over all numbers (energies, force
    components, …) of the test frames at ``test_temperature_k``; ``lowest`` and ``highest`` are the
    extreme seeds. ``train_temperatures_k`` are those of all frames that the method may draw from,
    rising, with a blank between them; ``trained_there`` is whether the test temperature is among
    them. ``n_frames`` are labelled with the property; properties without labels have no rows.

    Args:
        files: errors by frame of every method and size, in the study's order.
        frame_ids: the test frames.
        temperatures: in K, of the target's frames that have one; other test frames count nowhere.
        pools: for each method the name of its pool, None for the whole training part, and the ids
            of the frames in it.

    Raises:
        StudyError: when a file does not have exactly these frames.
    """
    tested = sorted({temperatures[name] for name in frame_ids if name in temperatures})
    codes = np.array([tested.index(t) if (t := temperatures.get(f)) else -1 for f in frame_ids])
    rows = []
    for (method, size), path in files.items():
        pool, members = pools[method]
        trained = sorted({temperatures[name] for name in members if name in temperatures})
        found = [_by_temperature(run, codes, len(tested)) for run in iter_runs(path, frame_ids)]
        for place, kelvin in enumerate(tested):
            for name in MAE_COLUMNS:
                maes = [of_run[name][0][place] for of_run in found]
                if not np.isfinite(maes).all():
                    continue
                values = (
                    method,
                    size,
                    pool or "",
                    " ".join(f"{t:g}" for t in trained),
                    kelvin,
                    kelvin in trained,
                    name,
                    UNITS[name],
                    float(np.mean(maes)),
                    float(np.min(maes)),
                    float(np.max(maes)),
                    len(maes),
                    int(found[0][name][1][place]),
                )
                rows.append(dict(zip(TEMPERATURE_COLUMNS, values, strict=True)))
    return rows


def _by_temperature(
    run: RunErrors, codes: np.ndarray, n: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each property the (n,) MAE at each temperature, NaN without labels, and the (n,) frames
    that are labelled."""
    there = codes >= 0
    found = {}
    for name, absolute, counts in run.sums:
        total = np.bincount(codes[there], absolute[there], n)
        count = np.bincount(codes[there], counts[there], n)
        mae = np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
        found[name] = mae, np.bincount(codes[there & (counts > 0)], minlength=n)
    return found

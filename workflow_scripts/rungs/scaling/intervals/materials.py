"""Intervals from seeds and test materials together.

All runs of a study share the test materials: other materials would have given other errors, and
averaging over seeds does not help against that. Errors by run and material are a crossed table, so
the two sources of scatter are resampled one at a time, seeds with all their runs and materials in
all runs at once, and their variances are added. (Drawing both at once, the pigeonhole bootstrap of
Owen, Ann. Appl. Stat. 1, 386, 2007, counts the part that belongs to both twice.) The degrees of
freedom of the sum are those of Welch and Satterthwaite.

Differences between sizes or methods are judged on the same materials, and what a material does to
both cancels: the materials are drawn for all runs at once
(:mod:`rungs.scaling.intervals.material_draws`).
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.scaling.bootstrap import LEVEL, quantile, resample_seeds, standard_error
from rungs.scaling.intervals.refits import Laws, fit_laws
from rungs.scaling.laws.line import fit_lines

N_SEED_RESAMPLES = 2000
N_MATERIAL_RESAMPLES = 500

Statistic = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From (R,) log errors of the runs and (K, R) weights of the runs to (K,) numbers."""


@dataclass(frozen=True, slots=True)
class MaterialErrors:
    """The errors of one method in one property, by run and material."""

    sizes: np.ndarray
    """(R,) target frames of each run."""
    seeds: np.ndarray
    """(R,) labels."""
    errors: np.ndarray
    """(R, M) mean absolute error of each run on each material, in any unit."""
    counts: np.ndarray
    """(R, M) how many numbers (frames, force components) each error is the mean of."""
    materials: tuple[str, ...]

    def log_errors(self, material_weights: np.ndarray | None = None) -> np.ndarray:
        """Return the logarithm of each run's MAE over all materials, (R,), or, for (M,) weights,
        over materials that count so many times."""
        weights = self.counts if material_weights is None else self.counts * material_weights
        return np.log((weights * self.errors).sum(axis=1) / weights.sum(axis=1))


@dataclass(frozen=True, slots=True)
class HierarchicalInterval:
    """An estimate with its interval from seeds and materials."""

    estimate: float
    low: float
    high: float
    seed_error: float
    """Standard error from the seeds alone."""
    material_error: float
    """Standard error from the materials alone."""


def hierarchical_interval(
    table: MaterialErrors,
    statistic: Statistic,
    *,
    level: float = LEVEL,
    n_materials_drawn: int = N_MATERIAL_RESAMPLES,
    seed: int = 0,
) -> HierarchicalInterval:
    """Return the interval of a statistic of the runs' errors.

    Args:
        table: errors by run and material.
        statistic: :func:`exponent_of` or :func:`log_error_at`, or any other; it should be near to
            normally distributed, as logarithms of errors are.
        level: coverage of the interval.
        n_materials_drawn: how many times materials are drawn.
        seed: of the drawing.

    Raises:
        StudyError: with fewer than two seeds or two materials.
    """
    labels, which = np.unique(table.seeds, return_inverse=True)
    n_seeds, n_materials = len(labels), len(table.materials)
    if n_seeds < 2 or n_materials < 2:
        raise StudyError(
            f"{n_seeds} seed(s) and {n_materials} material(s): an interval over both needs two of "
            "each"
        )
    whole = np.ones((1, len(which)))
    log_errors = table.log_errors()
    estimate = float(statistic(log_errors, whole)[0])
    resamples = resample_seeds(n_seeds, N_SEED_RESAMPLES, seed)
    by_seed = statistic(log_errors, resamples.counts[:, which])
    seed_error = float(standard_error(by_seed, resamples.probabilities, n_seeds))
    drawn = np.random.default_rng(seed).multinomial(
        n_materials, np.full(n_materials, 1.0 / n_materials), size=n_materials_drawn
    )
    by_material = np.array([statistic(table.log_errors(w), whole)[0] for w in drawn])
    material_error = float(draw_error(by_material, n_materials))
    half = float(joint_half(seed_error, n_seeds, material_error, n_materials, level))
    return HierarchicalInterval(
        estimate, estimate - half, estimate + half, seed_error, material_error
    )


def draw_error(replicates: np.ndarray, n_materials: int) -> np.ndarray:
    """Return the standard error of each column from (D, ...) draws of the materials."""
    return standard_error(replicates, np.full(len(replicates), 1.0 / len(replicates)), n_materials)


def joint_half(
    seed_error: float | np.ndarray,
    n_seeds: int,
    material_error: float | np.ndarray,
    n_materials: int,
    level: float = LEVEL,
) -> np.ndarray:
    """Return half the width of the interval from two standard errors.

    The degrees of freedom are those of Welch (Biometrika 34, 28, 1947) and Satterthwaite. There are
    more of them than with the seeds alone, so that a small error of the materials would narrow the
    interval of few seeds; it is never made narrower than that of the seeds.
    """
    of_seeds, of_materials = np.square(seed_error), np.square(material_error)
    total = of_seeds + of_materials
    parts = np.square(of_seeds) / (n_seeds - 1) + np.square(of_materials) / (n_materials - 1)
    freedom = np.divide(
        np.square(total), parts, out=np.full(np.shape(total), n_seeds - 1.0), where=parts > 0
    )
    of_both = quantile(freedom, level) * np.sqrt(total)
    return np.maximum(of_both, quantile(n_seeds - 1, level) * seed_error)


def widened(
    interval: tuple[float, float] | None,
    replicates: np.ndarray,
    n_seeds: int,
    n_materials: int,
    level: float = LEVEL,
    *,
    log: bool = False,
) -> tuple[float, float] | tuple[None, None]:
    """Return an interval from the seeds with the scatter of the test materials added.

    Args:
        interval: from :func:`rungs.scaling.bootstrap.seed_interval`; its standard error is had
            back from its width.
        replicates: (D,) the parameter in each draw of the materials; of its logarithm, where
            ``log``.
        n_seeds, n_materials, level: what the two were made of.
        log: the interval is that of the parameter's logarithm, its ends raised again.
    """
    if interval is None:
        return None, None
    low, high = np.log(interval) if log else np.asarray(interval)
    seed_error = 0.5 * (high - low) / quantile(n_seeds - 1, level)
    half = joint_half(seed_error, n_seeds, draw_error(replicates, n_materials), n_materials, level)
    middle = 0.5 * (low + high)
    ends = middle - half, middle + half
    low, high = map(float, np.exp(ends) if log else ends)
    # Not narrower by rounding either.
    return min(low, interval[0]), max(high, interval[1])


def redraw_laws(form: str, sizes: np.ndarray, log_errors: np.ndarray) -> Laws:
    """Fit a law of one form to a curve's errors in every draw of the materials.

    Args:
        form: one of the forms of :mod:`rungs.scaling.laws.law`.
        sizes: (n,) frames.
        log_errors: (D, n), from :meth:`rungs.scaling.intervals.material_draws.MaterialDraws.of`.
    """
    return fit_laws(form, sizes, log_errors, np.ones_like(log_errors))


def exponent_of(sizes: np.ndarray) -> Statistic:
    """Return the statistic 'exponent of the straight line' for runs on ``sizes`` frames."""
    log_sizes = np.log(np.asarray(sizes, dtype=np.float64))
    return lambda log_errors, weights: -fit_lines(log_sizes, log_errors, weights).slope


def log_error_at(sizes: np.ndarray, size: float) -> Statistic:
    """Return the statistic 'mean log error of the runs on ``size`` frames'.

    A resample of seeds without such a run has the mean of all seeds.
    """
    here = np.asarray(sizes) == size

    def statistic(log_errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
        kept = np.where(weights[:, here].any(axis=1, keepdims=True), weights[:, here], 1.0)
        return kept @ log_errors[here] / kept.sum(axis=1)

    return statistic


def material_table(rows: Iterable[Mapping[str, object]], method: str, name: str) -> MaterialErrors:
    """Sort rows of errors by material into the table of one method and property.

    Runs on 0 frames are left away. A material that a run lacks counts for nothing in it.

    Args:
        rows: mappings with ``method``, ``size``, ``seed``, ``material_id``, ``property``, ``mae``
            and ``n``; a pandas table is taken as well.
        method, name: the method and the property.

    Raises:
        StudyError: when there are no such rows, or two for one run and material.
    """
    if hasattr(rows, "to_dict"):
        rows = rows.to_dict("records")
    chosen = [
        row
        for row in rows
        if row["method"] == method and row["property"] == name and int(row["size"]) > 0
    ]
    if not chosen:
        raise StudyError(f"method {method}, property {name}: no errors by material")
    runs = sorted({(int(row["size"]), str(row["seed"])) for row in chosen})
    materials = sorted({str(row["material_id"]) for row in chosen})
    run_at = {run: i for i, run in enumerate(runs)}
    material_at = {material: i for i, material in enumerate(materials)}
    errors, counts = np.zeros((2, len(runs), len(materials)))
    for row in chosen:
        at = run_at[int(row["size"]), str(row["seed"])], material_at[str(row["material_id"])]
        if counts[at]:
            raise StudyError(
                f"method {method}, size {row['size']}, seed {row['seed']}, material "
                f"{row['material_id']}: two rows for one run and material"
            )
        errors[at], counts[at] = float(row["mae"]), float(row["n"])
    return MaterialErrors(
        np.array([size for size, _ in runs]),
        np.array([label for _, label in runs]),
        errors,
        counts,
        tuple(materials),
    )


def read_material_errors(path: str | os.PathLike, method: str, name: str) -> MaterialErrors:
    """Read the table of one method and property from a Parquet file; needs pandas.

    Raises:
        StudyError: when the file is missing or has no such rows.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror or error})") from None
    chosen = table[(table["method"] == method) & (table["property"] == name)]
    return material_table(chosen, method, name)

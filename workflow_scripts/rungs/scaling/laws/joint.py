"""One law for a study that varies both the pretraining and the target data.

L(S, N) = E + A·S^−α·N^−β after pretraining on S frames and fine-tuning on N: the multiplicative
form that Zhang et al. (arXiv 2402.17193) find to describe fine-tuning. Without a floor it is a
plane over ln S and ln N. It says what a pretraining frame is worth in target frames: along a line
of equal error, dN/N = −(α/β)·dS/S.
"""

import math
from dataclasses import dataclass

import numpy as np

from rungs.errors import StudyError
from rungs.scaling.bootstrap import LEVEL, resample_seeds, seed_interval
from rungs.scaling.laws.identified import AICC_MARGIN, Interval
from rungs.scaling.laws.line import HUBER_DELTA, huber

N_RESAMPLES = 200
MIN_PAIRS = 3
MIN_PAIRS_FLOOR = 6


@dataclass(frozen=True, slots=True)
class JointLaw:
    """Error after pretraining on S frames and fine-tuning on N."""

    prefactor: float
    """A, in the unit of the error."""
    pretraining_exponent: float
    """α."""
    target_exponent: float
    """β."""
    floor: float = 0.0
    """E, in the unit of the error."""

    def __call__(self, pretraining_sizes: object, target_sizes: object) -> np.ndarray:
        """Return the error at each pair of sizes (frames, positive; arrays that go together)."""
        s, n = np.asarray(pretraining_sizes, float), np.asarray(target_sizes, float)
        return (
            self.floor + self.prefactor * s**-self.pretraining_exponent * n**-self.target_exponent
        )


@dataclass(frozen=True, slots=True)
class JointFit:
    """The chosen joint law; intervals are None with one seed."""

    law: JointLaw
    pretraining_exponent: Interval
    target_exponent: Interval
    floor: Interval
    """None without a floor."""
    converged: bool
    aicc: float | None
    n_points: int
    notes: tuple[str, ...]


def fit_joint_law(
    pretraining_sizes: object,
    target_sizes: object,
    seeds: object,
    errors: object,
    *,
    floor: bool = True,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    delta: float = HUBER_DELTA,
) -> JointFit:
    """Fit the joint law with Huber's loss on log errors; intervals from resampled seeds.

    A floor is taken up only if there are at least six different pairs of sizes and two seeds, it
    lowers AICc by more than 2 and its interval does not reach 0.

    Args:
        pretraining_sizes, target_sizes, errors: (n,) positive numbers.
        seeds: (n,) label of the series of runs that each point belongs to.
        floor: False never tries a floor.
        level, n_resamples, seed: see :func:`rungs.scaling.bootstrap.resample_seeds`.
        delta: where the loss turns from quadratic to linear.

    Raises:
        StudyError: for columns of unequal length, a number that is not positive and finite, or
            sizes that do not vary independently, so that the exponents cannot be told apart.
    """
    s, n, y, which = _checked(pretraining_sizes, target_sizes, seeds, errors)
    n_seeds, notes = int(which.max()) + 1, []
    resamples = resample_seeds(n_seeds, n_resamples, seed)
    weights = resamples.counts[:, which]
    usable = np.array([_is_plane(s[w > 0], n[w > 0]) for w in weights])
    weights, probabilities = weights[usable], resamples.probabilities[usable]

    def interval(found: np.ndarray, refits: np.ndarray) -> list[Interval]:
        return [
            seed_interval(found[i], refits[:, i], probabilities, n_seeds, level)
            for i in range(len(found))
        ]

    whole = np.ones_like(y)
    plane, plane_loss, plane_converged = _fit(s, n, y, whole, delta, with_floor=False)
    plane_aicc = _aicc(plane_loss, len(y), 4)
    if floor:
        taken, reason = None, _floor_refusal(s, n, n_seeds)
        if not reason:
            found, loss, converged = _fit(s, n, y, whole, delta, with_floor=True)
            aicc = _aicc(loss, len(y), 5)
            if aicc is None or plane_aicc is None or plane_aicc - aicc <= AICC_MARGIN:
                reason = "no floor: it does not lower AICc enough"
            else:
                refits = np.array([_fit(s, n, y, w, delta, with_floor=True)[0] for w in weights])
                ends = interval(found, refits)
                if not converged or ends[3] is None or ends[3][0] <= 0:
                    reason = f"no floor: the interval of the best one, {found[3]:.3g}, reaches 0"
                else:
                    reason = f"floor taken: it lowers AICc by {plane_aicc - aicc:.1f}"
                    taken = JointFit(
                        JointLaw(math.exp(found[0]), *(float(v) for v in found[1:])),
                        *ends[1:4],
                        converged,
                        aicc,
                        len(y),
                        (reason,),
                    )
        if taken is not None:
            return taken
        notes.append(reason)
    if n_seeds == 1:
        notes.append("one seed: no interval")
        ends = [None, None, None]
    else:
        refits = np.array([_fit(s, n, y, w, delta, with_floor=False)[0] for w in weights])
        ends = interval(plane[:3], refits)
    law = JointLaw(math.exp(plane[0]), float(plane[1]), float(plane[2]))
    for name, exponent in (("pretraining", plane[1]), ("target", plane[2])):
        if exponent <= 0:
            notes.append(f"the error does not fall with the {name} size")
    return JointFit(law, ends[1], ends[2], None, plane_converged, plane_aicc, len(y), tuple(notes))


def _checked(
    pretraining_sizes: object, target_sizes: object, seeds: object, errors: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    columns = {
        "pretraining size": np.asarray(pretraining_sizes, dtype=np.float64),
        "target size": np.asarray(target_sizes, dtype=np.float64),
        "error": np.asarray(errors, dtype=np.float64),
    }
    labels = np.asarray(seeds).astype(str)
    if len({labels.shape, *(values.shape for values in columns.values())}) != 1 or labels.ndim != 1:
        raise StudyError("sizes, seeds and errors are not columns of one length")
    for name, values in columns.items():
        bad = ~(np.isfinite(values) & (values > 0))
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            raise StudyError(
                f"a law needs positive, finite numbers; point {i} has {name} {values[i]:g}"
            )
    s, n, y = (np.log(values) for values in columns.values())
    if not _is_plane(s, n):
        raise StudyError(
            "a joint law needs three pairs of sizes that do not lie on one line: vary the "
            "pretraining size at equal target sizes"
        )
    return s, n, y, np.unique(labels, return_inverse=True)[1]


def _is_plane(s: np.ndarray, n: np.ndarray) -> bool:
    pairs = np.unique(np.stack([s, n], axis=1), axis=0)
    if len(pairs) < MIN_PAIRS:
        return False
    return np.linalg.matrix_rank(pairs - pairs.mean(axis=0), tol=1e-9) == 2


def _floor_refusal(s: np.ndarray, n: np.ndarray, n_seeds: int) -> str:
    n_pairs = len(np.unique(np.stack([s, n], axis=1), axis=0))
    if n_pairs < MIN_PAIRS_FLOOR:
        return f"no floor: {n_pairs} pairs of sizes, a floor needs {MIN_PAIRS_FLOOR}"
    if n_seeds < 2:
        return "no floor: one seed, so nothing tells a floor from 0"
    return ""


def _fit(
    s: np.ndarray, n: np.ndarray, y: np.ndarray, weights: np.ndarray, delta: float, with_floor: bool
) -> tuple[np.ndarray, float, bool]:
    """Parameters (ln A, α, β, E), loss and whether it converged."""
    from scipy.optimize import least_squares  # here, as few studies need it

    # A point that counts k times stands k times, as weights inside Huber's loss would move delta.
    times = np.repeat(np.arange(len(y)), weights.astype(int))
    s, n, y = s[times], n[times], y[times]
    design = np.stack([np.ones_like(s), -s, -n], axis=1)
    start = np.linalg.lstsq(design, y, rcond=None)[0]
    lowest = y.min()

    def residuals(parameters: np.ndarray) -> np.ndarray:
        falling = design @ parameters[:3]
        if with_floor:
            falling = np.logaddexp(falling, lowest + parameters[3])
        return y - falling

    options = {"loss": "huber", "f_scale": delta, "xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12}
    if not with_floor:
        found = least_squares(residuals, start, **options)
        return (
            np.append(found.x, 0.0),
            float(huber(residuals(found.x), delta).sum()),
            found.status > 0,
        )
    # The floor as a share of the lowest error, in logarithms; several starts, as the loss can have
    # more than one dip along it.
    fits = []
    for share in (0.03, 0.3, 0.8):
        lifted = np.log(np.exp(y) - share * np.exp(lowest))
        begin = np.append(np.linalg.lstsq(design, lifted, rcond=None)[0], math.log(share))
        fits.append(least_squares(residuals, begin, **options))
    best = min(fits, key=lambda fit: fit.cost)
    parameters = np.append(best.x[:3], math.exp(lowest + best.x[3]))
    return parameters, float(huber(residuals(best.x), delta).sum()), best.status > 0


def _aicc(loss: float, n_points: int, n_parameters: int) -> float | None:
    spare = n_points - n_parameters - 1
    if spare < 1:
        return None
    variance = max(2.0 * loss / n_points, 1e-20)
    penalty = 2 * n_parameters + 2 * n_parameters * (n_parameters + 1) / spare
    return n_points * math.log(variance) + penalty

"""What a published network says of labels that no pairs of frames put to the test.

CHGNet 0.3.0 knows all elements to plutonium and comes with the chgnet package. Its forces and
stresses differ from those of another level of theory by some ten per cent, from labels in a wrong
unit by a factor of ten or more, and from those with a wrong sign by the sign.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rungs.config.data import Screening
from rungs.errors import StudyError
from rungs.frames.faults import judge
from rungs.frames.frame import Frame
from rungs.sources.label_check.alternatives import ORDERS, VOIGT, in_order

NETWORK = "0.3.0"
MAX_FRAMES = 120
MAX_ATOMS = 2500
"""In all frames together: some seconds on one processor core."""
LARGEST_FRAME = 250
"""Atoms."""
LEAST = {"forces": 0.1, "stress": 0.1}
"""eV/Å and GPa: components that the network takes for smaller say nothing."""
MIN_COMPONENTS = 30
MIN_ENERGIES = 20
AGREES = 0.7
"""Correlation from which on the network knows the labels, in size or with the other sign."""
SIZES = (1 / 4, 4.0)
"""Sizes over the network's that no wrong unit explains."""
_OUTLYING = 0.98
"""Components beyond this quantile are cut off at it: single ones do not decide."""


class Statement(NamedTuple):
    """What the network says of one label."""

    label: str
    """``energies``, ``forces`` or ``stress``."""
    n: int
    """Components, or energies, that were compared."""
    correlation: float
    """From −1 to 1; 0 where too few were compared."""
    size: float
    """Median of the label's size over the network's."""

    @property
    def confirms(self) -> bool:
        """Whether sign and unit are as declared."""
        return self.correlation >= AGREES and not self.has_other_size

    @property
    def has_other_size(self) -> bool:
        """Whether the size is none that the network's own errors explain."""
        return not SIZES[0] <= self.size <= SIZES[1]

    @property
    def contradicts(self) -> bool:
        """Whether the label is known, with another sign or size."""
        return abs(self.correlation) >= AGREES and not self.confirms

    def __str__(self) -> str:
        return (
            f"{self.label}: correlation with those of CHGNet {NETWORK} {self.correlation:.2f}, "
            f"size over theirs {self.size:.2g}, {self.n} compared"
        )


class StressOrder(NamedTuple):
    """The order of stress components that the network's stresses have."""

    order: str
    correlation: float
    """Of the off-diagonal components in that order, and as they are read:"""
    declared: float


class Witness(NamedTuple):
    """What the network says of all labels."""

    statements: list[Statement]
    stress_order: StressOrder | None
    """Another order than that in which the stress is read, where the network knows one."""

    def of(self, label: str) -> Statement | None:
        """The statement of a label, where there is one."""
        return next((t for t in self.statements if t.label == label), None)


def ask_network(
    frames: Sequence[Frame], distances: np.ndarray, max_atoms: int = MAX_ATOMS
) -> Witness:
    """Compare some of ``frames`` with the network's predictions.

    Args:
        frames: with labels as they are read.
        distances: (n,) of their energies from a fit on composition, in eV/atom; NaN where a frame
            has none.
        max_atoms: in all frames that are asked about.
    """
    places = _sample(frames, max_atoms)
    predicted = _predict([frames[i] for i in places]) if places else {}
    pairs = [(frames[places[k]], prediction) for k, prediction in predicted.items()]
    statements = []
    told = np.array([prediction.energy for _, prediction in pairs])
    read = np.array([distances[places[k]] for k in predicted])
    known = np.isfinite(read)
    if known.sum() >= MIN_ENERGIES:
        statements.append(_of_energies(read[known], told[known]))
    for label in ("forces", "stress"):
        both = [
            (getattr(f, label).ravel(), getattr(p, label).ravel())
            for f, p in pairs
            if getattr(f, label) is not None
        ]
        if both:
            statements.append(_of_components(label, *map(np.concatenate, zip(*both, strict=True))))
    stresses = [(f.stress, p.stress) for f, p in pairs if f.stress is not None]
    order = _order(*map(np.array, zip(*stresses, strict=True))) if stresses else None
    return Witness(statements, order)


class _Predicted(NamedTuple):
    energy: float
    """In eV/atom, without the network's reference energies."""
    forces: np.ndarray
    stress: np.ndarray


def _sample(frames: Sequence[Frame], max_atoms: int) -> list[int]:
    """Places of frames that are spread over all, until there are enough atoms."""
    # in a wrong unit labels are beyond any limit
    limits = Screening(max_force=1e12, max_stress=1e12)
    chosen, n_atoms = [], 0
    # strides of the golden ratio are spread, however early they end
    order = np.argsort((np.arange(len(frames)) * 0.6180339887498949) % 1)
    for place in order:
        frame = frames[place]
        if not 1 <= frame.n_atoms <= LARGEST_FRAME or judge(frame, limits) is not None:
            continue
        if not all(np.isfinite(getattr(frame, label)).all() for label in frame.labels):
            continue
        if chosen and n_atoms + frame.n_atoms > max_atoms:
            continue
        chosen.append(int(place))
        n_atoms += frame.n_atoms
        if len(chosen) == MAX_FRAMES:
            break
    return sorted(chosen)


def _predict(frames: Sequence[Frame]) -> dict[int, _Predicted]:
    """Predictions by the place of the frame, for those that have a graph."""
    from rungs.graphs.build import build_graph
    from rungs.potentials.chgnet.published import load_published
    from rungs.potentials.predict import predict

    network = load_published(NETWORK)
    cutoffs = [network.model_args[f"{kind}_graph_cutoff"] for kind in ("atom", "bond")]
    references = network.composition_model.fc.weight.detach().double().numpy().reshape(-1)
    graphs = {}
    for place, frame in enumerate(frames):
        try:
            graphs[place] = build_graph(
                frame.cell, frame.atomic_numbers, frame.cart_coords, *cutoffs
            )
        except StudyError:
            continue  # a broken frame is the screening's to name
    found = {}
    answers = predict(network, list(graphs.values()), max_rows=30_000)
    for place, said in zip(graphs, answers, strict=True):
        reference = references[frames[place].atomic_numbers - 1].mean()
        found[place] = _Predicted(said.energy_per_atom - reference, said.forces, said.stress)
    return found


def _of_energies(read: np.ndarray, told: np.ndarray) -> Statement:
    """Of distances from the fit, which are energies of formation up to a constant."""
    read, told = read - np.median(read), told - np.median(told)
    return _statement("energies", read, told)


def _of_components(label: str, read: np.ndarray, told: np.ndarray) -> Statement:
    strong = np.abs(told) > LEAST[label]
    if strong.sum() < MIN_COMPONENTS:
        return Statement(label, int(strong.sum()), 0.0, 1.0)
    return _statement(label, read[strong], told[strong])


def _statement(label: str, read: np.ndarray, told: np.ndarray) -> Statement:
    size = np.median(np.abs(read)) / max(np.median(np.abs(told)), 1e-12)
    return Statement(label, len(read), _correlation(read, told), float(size))


def _correlation(read: np.ndarray, told: np.ndarray) -> float:
    """Σ r·t / √(Σ r² Σ t²), with outlying numbers cut off."""
    parts = []
    for values in (read, told):
        most = np.quantile(np.abs(values), _OUTLYING)
        parts.append(np.clip(values, -most, most))
    one, other = parts
    norm = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / norm) if norm > 0 else 0.0


def _order(read: np.ndarray, told: np.ndarray) -> StressOrder | None:
    """The order that the stresses (n, 6) look like, where it is surely another than declared."""
    sheared = np.abs(told[:, 3:]) > LEAST["stress"]
    if sheared.any(axis=1).sum() < 10 or sheared.sum() < MIN_COMPONENTS / 2:
        return None
    found = {order: _fit_of_order(in_order(read, order), told) for order in ORDERS}
    best = max(found, key=found.get)
    declared = found[VOIGT]
    if best != VOIGT and found[best] >= ORDER_AGREES and declared <= found[best] - ORDER_APART:
        return StressOrder(best, found[best], declared)
    return None


ORDER_AGREES = 0.8
ORDER_APART = 0.35


def _fit_of_order(read: np.ndarray, told: np.ndarray) -> float:
    """The smaller of the correlations of diagonal and of off-diagonal components, up to a sign
    that both have."""
    pressure = _correlation(read[:, :3].ravel(), told[:, :3].ravel())
    shear = _correlation(read[:, 3:].ravel(), told[:, 3:].ravel())
    return shear * np.sign(pressure) if abs(pressure) > 0.3 else shear

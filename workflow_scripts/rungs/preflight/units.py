"""In which units, signs and orders labels are, by what they say of each other.

Frames are read as if everything were in eV, eV/Å and eV/Å³, tension positive. Between frames near
each other the energy changes by the work of forces and stresses (:mod:`rungs.sources.label_check`),
which fixes units relative to each other, signs and orders. What they leave open, such as kcal/mol
throughout, is told by sizes: of forces, of stresses, and of energies about a fit on composition,
or, where frames are not near each other, by a published network.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rungs.frames.energy_fit import EnergyFit
from rungs.frames.frame import Frame
from rungs.sources.label_check.alternatives import VASP, VOIGT, in_order
from rungs.sources.label_check.pairs import ALL_PARTNERS, Pairs, nearby_pairs
from rungs.sources.label_check.slopes import MIN_PAIRS, findings_of
from rungs.sources.units import energy_factor, forces_factor, stress_factor

PROVISIONAL = {
    "energy": {"unit": "eV"},
    "forces": {"unit": "eV/Å"},
    "stress": {"unit": "eV/Å³", "sign": "tension_positive", "order": VOIGT},
}
"""How frames are read, for a start."""
_GPA = 160.2176634
_ENERGIES = {"eV": 1.0, "Ha": 0.1, "kcal/mol": 0.1, "Ry": 0.03, "kJ/mol": 0.05, "meV": 0.02}
"""How common units are; only ratios matter."""
_FORCES = {
    "eV/Å": 1.0,
    "Ha/Bohr": 0.1,
    "kcal/mol/Å": 0.1,
    "kJ/mol/Å": 0.05,
    "kJ/mol/nm": 0.05,
    "Ry/Bohr": 0.03,
    "meV/Å": 0.02,
    "Ha/Å": 0.02,
    "eV/Bohr": 0.01,
    "Ry/Å": 0.005,
}
_STRESSES = {"eV/Å³": 1.0, "GPa": 0.4, "kbar": 0.4, "Ha/Bohr³": 0.03, "MPa": 0.02, "bar": 0.03}
_TOGETHER = {
    "eV": ("eV/Å",),
    "Ha": ("Ha/Bohr",),
    "kcal/mol": ("kcal/mol/Å",),
    "kJ/mol": ("kJ/mol/Å", "kJ/mol/nm"),
    "Ry": ("Ry/Bohr",),
    "meV": ("meV/Å",),
}
"""Units that codes write together."""
_STRANGERS = 0.02
"""How much less common others are together."""
_SIZES = {"energy": (0.1, 8.0), "forces": (0.3, 6.0), "stress": (3.0, 6.0)}
"""Typical size of energies about a fit on composition in eV/atom, of force components in eV/Å and
of stress components in GPa, and the factor by which they scatter."""
_NETWORK_FACTOR = 1.6
"""Factor by which sizes scatter about those of a published network."""
_SLOPE_FACTOR = 1.15
_WORST = -40.0


@dataclass(frozen=True)
class Units:
    """What was decided, and on which ground."""

    energy: str = "eV"
    per_atom: bool = False
    forces: str = "eV/Å"
    stress: str = "eV/Å³"
    sign: str = "tension_positive"
    order: str = VOIGT
    is_virial: bool = False
    """Whether the stress comes from a virial, in the energy's unit."""
    grounds: Mapping[str, str] = None  # type: ignore[assignment]
    """For each label in which way it was told, in words."""
    sure: frozenset[str] = frozenset()
    """Labels that frames near each other, the network or the file itself tell."""

    @property
    def energy_unit(self) -> str:
        """As the configuration has it."""
        return f"{self.energy}/atom" if self.per_atom else self.energy

    @property
    def stress_factor(self) -> float:
        """To GPa, positive under tension, from what was read as eV/Å³."""
        if not self.is_virial:
            return stress_factor(self.stress, self.sign)
        sign = 1 if self.sign == "tension_positive" else -1
        return sign * energy_factor(self.energy, 1) * _GPA

    @property
    def virial_sign(self) -> str:
        """Virials are read with their usual sign, so that the stress has the other one."""
        usual = self.sign == "tension_positive"
        return "compression_positive" if usual else "tension_positive"


def decide_units(
    frames: Sequence[Frame],
    hints: Mapping[str, str],
    per_atom: bool | None,
    *,
    is_virial: bool = False,
    ask: bool = True,
) -> Units:
    """Tell units, sign and order of frames that were read as :data:`PROVISIONAL` says.

    Args:
        frames: some of a source, best in their order.
        hints: units of ``energy``, ``forces`` and ``stress`` that names or keys tell.
        per_atom: whether the energy is per atom, where that is known.
        is_virial: whether stresses come from virials, read as eV with the usual sign.
        ask: whether to ask a published network where frames are not near each other.
    """
    labels = [
        label
        for label in ("energy", "forces", "stress")
        if any(getattr(frame, label) is not None for frame in frames)
    ]
    evidence = _Evidence(frames, labels, per_atom)
    open_labels = [label for label in labels if label not in hints]
    if ask and not evidence.is_told(open_labels):
        evidence.ask_network()
    best = max(_hypotheses(labels, hints, per_atom, is_virial), key=evidence.score)
    order, order_told = evidence.order(best)
    best = replace(best, order=order)
    return replace(best, **evidence.grounds(best, hints, order_told))


def _hypotheses(
    labels: Sequence[str], hints: Mapping[str, str], per_atom: bool | None, is_virial: bool
) -> Iterator[Units]:
    def of(label: str, known: Mapping[str, float], default: str) -> list[str]:
        if label not in labels:
            return [default]
        hint = hints.get(label)
        return [_plain(hint)] if hint and _plain(hint) in known else list(known)

    energies = of("energy", _ENERGIES, "eV")
    forces = of("forces", _FORCES, "eV/Å")
    stresses = ["eV/Å³"] if is_virial else of("stress", _STRESSES, "eV/Å³")
    signs = ["tension_positive", "compression_positive"][: 2 if "stress" in labels else 1]
    atomic = [False, True] if per_atom is None else [per_atom]
    for energy, atom, force, stress, sign in itertools.product(
        energies, atomic, forces, stresses, signs
    ):
        yield Units(energy, atom, force, stress, sign, is_virial=is_virial)


def _plain(unit: str) -> str:
    """A unit in this project's spelling, without ``/atom``."""
    from rungs.config.units import _plain as spelled

    text = spelled(unit).removesuffix("/atom")
    return {"eV/A": "eV/Å", "eV/A^3": "eV/Å³"}.get(text, text)


class _Evidence:
    """What frames, read provisionally, say of hypotheses."""

    def __init__(self, frames: Sequence[Frame], labels: Sequence[str], per_atom: bool | None):
        self.frames, self.labels = frames, labels
        sizes = np.array([frame.n_atoms for frame in frames], dtype=float)
        self.varies = bool(len(sizes)) and np.ptp(sizes) > 0
        self.n_atoms = float(np.median(sizes)) if len(sizes) else 1.0
        powers = [0, 1] if per_atom is None else [int(per_atom)]
        pairs = nearby_pairs(frames)
        if not all(f.is_clear for f in findings_of(pairs)) and len(frames) <= _FEW:
            pairs = nearby_pairs(frames, ALL_PARTNERS)
        self.pairs = {
            power: replace(pairs, energy=pairs.energy * pairs.n_atoms**power) for power in powers
        }
        self.findings = {
            power: {f.label: f for f in findings_of(found)} for power, found in self.pairs.items()
        }
        self.scatter = {power: self._scatter(power) for power in powers}
        self.typical = {label: self._typical(label) for label in ("forces", "stress")}
        self.network: dict[str, tuple[float, float]] = {}
        """Size over the network's, and correlation with it, of labels that it knows."""
        self.network_order: str | None = None

    def is_told(self, labels: Sequence[str]) -> bool:
        """Whether frames near each other tell of all forces and stresses."""
        wanted = [label for label in labels if label != "energy"]
        return any(
            all(found[label].is_clear for label in wanted) for found in self.findings.values()
        )

    def ask_network(self) -> None:
        """Compare with a published network's predictions."""
        from rungs.sources.label_check.witness import ask_network

        frames, n_atoms = [], 0
        for frame in self.frames[:: max(1, len(self.frames) // 40)]:
            if n_atoms + frame.n_atoms <= _MOST_ATOMS or not frames:
                frames.append(frame)
                n_atoms += frame.n_atoms
        witness = ask_network(frames, np.full(len(frames), np.nan))
        for statement in witness.statements:
            if abs(statement.correlation) >= _KNOWN:
                self.network[statement.label] = (statement.size, statement.correlation)
        if witness.stress_order is not None:
            self.network_order = witness.stress_order.order

    def score(self, units: Units) -> float:
        """Logarithm of how likely a hypothesis is."""
        total = math.log(_ENERGIES.get(units.energy, 0.01)) - 1.0 * units.per_atom
        power = int(units.per_atom)
        e = energy_factor(units.energy, 1)
        if "forces" in self.labels:
            f = forces_factor(units.forces)
            total += math.log(_FORCES[units.forces])
            if units.forces not in _TOGETHER[units.energy]:
                total += math.log(_STRANGERS)
            total += self._by_size("forces", f)
            total += self._by_slope(power, "forces", f / e)
        if "stress" in self.labels:
            s = units.stress_factor
            total += math.log(_STRESSES[units.stress]) + _habit(units)
            total += self._by_size("stress", s)
            total += self._by_slope(power, "stress", s / _GPA / e)
        scatter = self.scatter[power]
        if scatter is not None:
            center, factor = _SIZES["energy"]
            total += _normal(scatter * e, center, factor)
        return total

    def _by_slope(self, power: int, label: str, expected: float) -> float:
        """Energies and works, in the right units, have a slope of 1.

        Args:
            power: of the number of atoms that energies were multiplied by.
            label: ``forces`` or ``stress``.
            expected: slope of energy against work as they were read, in this hypothesis.
        """
        finding = self.findings[power][label]
        if finding.slope is None or finding.n_pairs < MIN_PAIRS:
            return 0.0
        if not finding.is_clear:
            # another reading, in which the pairs agree, is likelier
            return -3.0 if any(f[label].is_clear for f in self.findings.values()) else 0.0
        if finding.slope * expected <= 0:
            return _WORST
        apart = math.log(finding.slope / expected) / math.log(_SLOPE_FACTOR)
        return max(_WORST, -(apart**2) / 2)

    def _by_size(self, label: str, factor: float) -> float:
        if label in self.network:
            size, correlation = self.network[label]
            wrong = _WORST / 2 if factor * correlation < 0 else 0.0
            scale = abs(factor) / (_GPA if label == "stress" else 1.0)
            return wrong + _normal(size * scale, 1.0, _NETWORK_FACTOR)
        if self.typical[label] is None:
            return 0.0
        center, scatter = _SIZES[label]
        scale = abs(factor) / (_GPA if label == "stress" else 1.0)
        return _normal(self.typical[label] * scale, center, scatter)

    def _typical(self, label: str) -> float | None:
        """Root mean square of the components, as they were read, outliers aside."""
        found = [getattr(f, label) for f in self.frames if getattr(f, label) is not None]
        if not found:
            return None
        values = np.abs(np.concatenate([np.ravel(value) for value in found]))
        values = values[np.isfinite(values) & (values > 0)]
        return float(np.quantile(values, 0.75)) if values.size else None

    def _scatter(self, power: int) -> float | None:
        """Typical distance of energies per atom from a fit on composition, in read units."""
        fit = EnergyFit()
        for frame in self.frames:
            if frame.energy is not None and np.isfinite(frame.energy) and frame.n_atoms:
                known = (frame.atomic_numbers > 0) & (frame.atomic_numbers < 95)
                if known.all():
                    fit.add(frame.atomic_numbers, frame.energy * frame.n_atoms**power)
        if len(fit) < _LEAST_ENERGIES:
            return None
        distances = np.abs(fit.distances())
        return float(np.quantile(distances, 0.75)) or None

    def order(self, units: Units) -> tuple[str, bool]:
        """Order of the six stress components, and whether pairs or the network tell it."""
        if "stress" not in self.labels:
            return VOIGT, False
        pairs = self.pairs[int(units.per_atom)]
        left = {order: _left(pairs, units, order) for order in (VOIGT, VASP)}
        sheared = np.abs(pairs.stress[:, 3:] * pairs.strain[:, 3:]).sum(axis=1) > 0
        differ = sheared & (np.abs(left[VOIGT] - left[VASP]) > _DIFFERENT)
        n, n_better = int(differ.sum()), int((left[VASP] < left[VOIGT])[differ].sum())
        if n >= _TELLING_PAIRS and abs(2 * n_better - n) >= _CERTAIN * math.sqrt(n):
            return (VASP if 2 * n_better > n else VOIGT), True
        if self.network_order == VASP:
            return VASP, True
        return VOIGT, False

    def grounds(
        self, units: Units, hints: Mapping[str, str], order_told: bool
    ) -> dict[str, object]:
        """The fields of :class:`Units` on grounds."""
        power, told, sure = int(units.per_atom), {}, set()
        findings = self.findings[power]
        for label in ("forces", "stress"):
            if label not in self.labels:
                continue
            finding = findings[label]
            if finding.is_clear:
                told[label] = f"{finding.n_pairs} pairs of near frames"
                sure.add(label)
            elif label in self.network:
                correlation = self.network[label][1]
                told[label] = f"CHGNet's predictions (correlation {abs(correlation):.2f})"
                sure.add(label)
            else:
                told[label] = "their size"
        for label in ("energy", "forces", "stress"):
            if label in hints and label in self.labels:
                told[label] = "its name or a key of the file"
                sure.add(label)
        if "energy" in self.labels and "energy" not in told:
            if sure:
                told["energy"] = " and ".join(sorted(sure)) + ", which it fits"
                sure.add("energy")
            else:
                told["energy"] = "its size"
        if "stress" in told and order_told:
            told["stress"] += ", order too"
        return {"grounds": told, "sure": frozenset(sure)}


_FEW = 600
_MOST_ATOMS = 500
_KNOWN = 0.5
_LEAST_ENERGIES = 5
_DIFFERENT = 0.05
_TELLING_PAIRS = 10
_CERTAIN = 3.0
"""Standard deviations by which pairs that one order explains better must outnumber others."""


def _left(pairs: Pairs, units: Units, order: str) -> np.ndarray:
    """(p,) what forces and stress in an order leave of the energy, as a part of all three."""
    e = energy_factor(units.energy, 1)
    energy = pairs.energy * e
    by_forces = pairs.by_forces * forces_factor(units.forces)
    scale = units.stress_factor / _GPA
    by_stress = (in_order(pairs.stress, order) * pairs.strain).sum(axis=1) * scale
    size = np.abs(energy) + np.abs(by_forces) + np.abs(by_stress)
    left = np.abs(energy - by_forces - by_stress)
    return np.divide(left, size, out=np.zeros(len(pairs)), where=size > 0)


def _habit(units: Units) -> float:
    """Which signs go with which units: kbar is VASP's, the rest ASE's."""
    usual = "compression_positive" if units.stress == "kbar" else "tension_positive"
    return 0.0 if units.sign == usual else -1.5


def _normal(value: float, center: float, factor: float) -> float:
    """Of a quantity that scatters by a factor about a center."""
    if not value > 0:
        return 0.0
    return max(_WORST / 2, -((math.log(value / center) / math.log(factor)) ** 2) / 2)

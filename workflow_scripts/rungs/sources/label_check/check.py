"""The check of a source's labels: what refuses it, and what is told of it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from rungs.errors import StudyError
from rungs.frames.energy_fit import EnergyFit, has_fitting_energy
from rungs.frames.frame import Frame, Rejected
from rungs.sources.label_check.alternatives import better_reading, is_told
from rungs.sources.label_check.pairs import ALL_PARTNERS, Pairs, nearby_pairs
from rungs.sources.label_check.sizes import not_totals
from rungs.sources.label_check.slopes import MIN_PAIRS, Finding, findings_of
from rungs.sources.label_check.units import NEAR, looks_like, nearest
from rungs.sources.label_check.witness import (
    MAX_ATOMS,
    NETWORK,
    Statement,
    Witness,
    ask_network,
)

EXAMINED = 4000
"""Frames at the beginning of a source that are looked at."""
_NEAR_UNIT = 4.0
"""Factor within which a size that the network contradicts is that of a known wrong unit."""


class LabelCheck(NamedTuple):
    """What was found of a source that is not refused."""

    findings: list[Finding]
    """Of forces and stress, from pairs of frames."""
    lines: list[str]
    """All that was found, for the log."""
    warnings: list[str]
    """What a person has to know before relying on the labels."""


def check_labels(
    items: Iterable[Frame | Rejected],
    section: str,
    *,
    ask: bool = True,
    max_atoms: int = MAX_ATOMS,
) -> tuple[LabelCheck, Iterator[Frame | Rejected]]:
    """Examine the beginning of a source, and give its items back, all of them in their order.

    Args:
        items: what a source yields; the first :data:`EXAMINED` are held in memory.
        section: ``source`` or ``target``, for messages.
        ask: whether to ask a published network about labels that frames near each other leave
            untested.
        max_atoms: in all frames together that the network is asked about.

    Returns:
        What was found, and the items.

    Raises:
        StudyError: where pairs of frames, frames of different size or the network say for certain
            that a unit, a sign or the order of the stress is not as it is declared.
    """
    items = iter(items)
    head = list(islice(items, EXAMINED))
    frames = [item for item in head if isinstance(item, Frame)]
    return _Examination(frames, section, max_atoms if ask else 0).outcome(), chain(head, items)


def examine(frames: Iterable[Frame]) -> list[Finding]:
    """Compare nearby frames of the same atoms; a finding for forces and one for stress."""
    return _pairs_and_findings(list(frames))[1]


def _pairs_and_findings(frames: Sequence[Frame]) -> tuple[Pairs, list[Finding]]:
    pairs = nearby_pairs(frames)
    findings = findings_of(pairs)
    if all(finding.is_clear for finding in findings):
        return pairs, findings
    pairs = nearby_pairs(frames, ALL_PARTNERS)
    more = zip(findings, findings_of(pairs), strict=True)
    return pairs, [few if few.is_clear else many for few, many in more]


class _Examination:
    """One source on its way to a refusal or an outcome."""

    def __init__(self, frames: list[Frame], section: str, max_atoms: int) -> None:
        self.frames, self.section, self.max_atoms = frames, section, max_atoms
        self.pairs, self.findings = _pairs_and_findings(frames)
        self.lines = [str(finding) for finding in self.findings]
        self.warnings: list[str] = []

    def outcome(self) -> LabelCheck:
        self._refuse_sizes()
        self._refuse_slopes()
        self._refuse_readings()
        untested = self._untested()
        if untested and self.max_atoms:
            untested = self._hear_network(untested)
        if untested:
            self.warnings.append(self._untested_words(untested))
        return LabelCheck(self.findings, self.lines, self.warnings)

    def _refuse(self, label: str, found: str, likely: str) -> None:
        raise StudyError(
            f"{self.section}.data: {_pair_of(label)} do not belong together: {found}. "
            f"{likely[0].upper() + likely[1:]}. {self._mend()}"
        )

    def _mend(self) -> str:
        return (
            f"Mend what {self.section}.data declares, or the files; `screening: {{check_labels: "
            "false}` lets them pass"
        )

    def _refuse_sizes(self) -> None:
        sizes = not_totals(self.frames)
        if sizes is not None:
            raise StudyError(
                f"{self.section}.data: energies do not grow with the number of atoms as totals "
                f"do: about a fit on composition they scatter by {100 * sizes.as_totals:.2g} % of "
                f"their size, and by {100 * sizes.other:.2g} % in another reading: {sizes.words}. "
                f"{self._mend()}"
            )

    def _refuse_slopes(self) -> None:
        for finding in self.findings:
            if not finding.is_sound:
                found = (
                    f"between {finding.n_pairs} pairs of nearby frames the energy changes by "
                    f"{finding.slope:.4g} times the work of the {finding.label}, where 1 is "
                    "expected"
                )
                likely = _likely_reason(finding, self.findings, self.pairs)
                self._refuse(finding.label, found, likely)

    def _refuse_readings(self) -> None:
        better = better_reading(self.pairs)
        if better is None:
            return
        clear = {finding.label for finding in self.findings if finding.is_clear}
        # a slope that many pairs agree on says more of units and signs
        said = clear if better.label == "energies" else clear & {better.label}
        if said and better.order is None:
            return
        found = (
            f"of {better.n_pairs} pairs of nearby frames {better.n_better} have energies that fit "
            "another reading better"
        )
        self._refuse(better.label, found, better.words + " (stress_order)" * bool(better.order))

    def _untested(self) -> list[str]:
        """The labels that pairs of frames do not put to the test, among those that there are."""
        told = {f.label for f in self.findings if f.is_clear}
        told |= {label for label in ("forces", "stress") if is_told(self.pairs, label)}
        for label in sorted(told - {f.label for f in self.findings if f.is_clear}):
            self.lines.append(f"{label}: {len(self.pairs)} pairs agree with them together")
        if told:
            told.add("energies")
        names = {"energies": "energy", "forces": "forces", "stress": "stress"}
        return [
            label
            for label, name in names.items()
            if label not in told and any(getattr(f, name) is not None for f in self.frames)
        ]

    def _hear_network(self, untested: list[str]) -> list[str]:
        """Refuse what the network contradicts for certain; return what it does not confirm."""
        witness = ask_network(self.frames, _distances(self.frames), self.max_atoms)
        self.lines += [str(statement) for statement in witness.statements]
        for label in untested:
            statement = witness.of(label)
            if statement is not None and statement.contradicts:
                self._refuse_contradicted(statement)
        self._warn_of_order(witness)
        confirmed = {t.label for t in witness.statements if t.confirms}
        return [label for label in untested if label not in confirmed]

    def _refuse_contradicted(self, statement: Statement) -> None:
        size = statement.size
        # slopes are energy over work: forces and stresses that are too large make them small
        apart, words = nearest(statement.label, size if statement.label == "energies" else 1 / size)
        flipped = statement.correlation < 0
        if statement.has_other_size:
            if apart > _NEAR_UNIT:
                return
            likely = words + " with the other sign" * flipped
        else:
            likely = "the sign looks like the other one"
        verb = "correlates" if statement.label == "stress" else "correlate"
        raise StudyError(
            f"{self.section}.data: the {statement.label} {verb} by {statement.correlation:.2f} "
            f"with what CHGNet {NETWORK} predicts, and the size is {size:.3g} times as large, "
            f"where 1 is expected ({statement.n} compared): {likely}. {self._mend()}"
        )

    def _warn_of_order(self, witness: Witness) -> None:
        order = witness.stress_order
        if order is not None:
            self.warnings.append(
                f"{self.section}.data: the stress looks as if its components stood in the order "
                f"{order.order}: off the diagonal it correlates by {order.correlation:.2f} with "
                f"what CHGNet {NETWORK} predicts in that order, and by {order.declared:.2f} as it "
                "is read; compare a frame with its calculation by hand"
            )

    def _untested_words(self, untested: list[str]) -> str:
        names = " and ".join(filter(None, [", ".join(untested[:-1]), untested[-1]]))
        few = [f for f in self.findings if f.label in untested and f.slope is None]
        many = [f for f in self.findings if f.label in untested and f.slope is not None]
        reasons = []
        if many:
            found = " and ".join(f"{f.n_pairs} pairs for the {f.label}" for f in many)
            reasons.append(
                f"nearby frames do not agree with each other ({found}), and no order, unit or sign "
                "that was tried would make them"
            )
        elif few or untested == ["energies"]:
            reasons.append(
                f"{len(self.pairs)} pairs of frames are near each other, and {MIN_PAIRS} that "
                "tell are needed"
            )
        if all(f.forces is None for f in self.frames):
            reasons.append("there are no forces that energies could be held against")
        if self.max_atoms:
            reasons.append(f"what CHGNet {NETWORK} predicts does not tell either")
        return (
            f"{self.section}.data: nothing puts unit and sign of the {names} to the test: "
            f"{'; '.join(reasons)}. Compare a frame with its calculation by hand"
        )


def _distances(frames: Sequence[Frame]) -> np.ndarray:
    """(n,) distances of the energies from a fit on composition, in eV/atom; NaN without one."""
    fit, known = EnergyFit(), []
    for place, frame in enumerate(frames):
        if has_fitting_energy(frame):
            fit.add(frame.atomic_numbers, frame.energy)
            known.append(place)
    distances = np.full(len(frames), np.nan)
    distances[known] = fit.distances()
    return distances


def _pair_of(label: str) -> str:
    return "energies and forces or stress" if label == "energies" else f"energies and {label}"


def _likely_reason(finding: Finding, findings: Sequence[Finding], pairs: Pairs) -> str:
    """What a slope looks like, in words."""
    slopes = [f.slope for f in findings if f.is_clear]
    n_atoms = float(np.median(pairs.n_atoms)) if len(pairs) else None
    if len(slopes) == 2 and all(0.67 < slope / finding.slope < 1.5 for slope in slopes):
        apart, words = nearest("energies", finding.slope, n_atoms)
        sign = " with the other sign" * (finding.slope < 0)
        return (
            "Forces and stress agree with each other, so the energies are at fault: of another "
            "unit, per atom instead of in total (or the other way round), or of the other sign"
        ) + (f" ({words}{sign})" if apart < NEAR else "")
    if words := looks_like(finding.label, finding.slope, n_atoms):
        return words
    if 0.5 < -finding.slope < 2:
        return "The sign looks like the other one"
    return "The unit of one of the two is another, or the energies are per atom"

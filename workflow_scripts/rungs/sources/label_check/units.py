"""Factors that a wrong unit or sign leaves, and what each looks like in words."""

import math

HARTREE = 27.211386
KCAL = 0.0433641
KJ = 0.0103643
HARTREE_BOHR = 51.422067
EV_PER_A3 = 160.2176634

FORCES = {
    1e3: "they look like forces in eV/Å that are read as meV/Å",
    1e-3: "they look like forces in meV/Å that are read as eV/Å",
    HARTREE_BOHR: "they look like forces in Ha/Bohr that are read as eV/Å",
    1 / HARTREE_BOHR: "they look like forces in eV/Å that are read as Ha/Bohr",
    KCAL: "they look like forces in kcal/mol/Å that are read as eV/Å",
    1 / KCAL: "they look like forces in eV/Å that are read as kcal/mol/Å",
}
STRESS = {
    EV_PER_A3: "it looks like a stress in eV/Å³ that is read as GPa",
    10 * EV_PER_A3: "it looks like a stress in eV/Å³ that is read as kbar",
    10.0: "it looks like a stress in GPa that is read as kbar",
    0.1: "it looks like a stress in kbar that is read as GPa",
    1 / EV_PER_A3: "it looks like a stress in GPa that is read as eV/Å³",
    0.1 / EV_PER_A3: "it looks like a stress in kbar that is read as eV/Å³",
}
ENERGIES = {
    1 / HARTREE: "they look like energies in Ha that are read as eV",
    HARTREE: "they look like energies in eV that are read as Ha",
    1 / KCAL: "they look like energies in kcal/mol that are read as eV",
    KCAL: "they look like energies in eV that are read as kcal/mol",
    1 / KJ: "they look like energies in kJ/mol that are read as eV",
    KJ: "they look like energies in eV that are read as kJ/mol",
}
"""By the slope of energy against work that is seen where 1 is expected: what is read of the
energies over what is read of forces or stress."""

PER_ATOM = "they look like energies per atom that are read as totals"
TOTALS = "they look like totals that are read as energies per atom"
NEAR = 1.3
"""Factor within which a slope is that of a known wrong unit."""
KNOWN = {"forces": FORCES, "stress": STRESS, "energies": ENERGIES}


def looks_like(label: str, slope: float, n_atoms: float | None = None) -> str | None:
    """What a slope of energy against the work of ``label`` looks like, in words: another unit of
    ``label``, or of the energies. None where no known factor is near.

    Args:
        label: ``forces`` or ``stress``.
        slope: with its sign.
        n_atoms: of the frames, where energies may be per atom.
    """
    sign = " with the other sign" if slope < 0 else ""
    either = sorted((nearest(label, slope), nearest("energies", slope, n_atoms)))
    words = [words + sign for apart, words in either if apart < NEAR]
    return either_of(words) or None


def either_of(words: list[str]) -> str:
    """What labels look like, in one clause."""
    return ", or ".join([*words[:1], *(other.removeprefix("they look ") for other in words[1:])])


def nearest(label: str, slope: float, n_atoms: float | None = None) -> tuple[float, str]:
    """What a slope looks like that a wrong unit of ``label`` leaves.

    Args:
        label: ``forces``, ``stress`` or ``energies``.
        slope: of energy against work; its sign is left out of account.
        n_atoms: of the frames, where energies may be per atom.

    Returns:
        How far the slope is from the nearest known factor, as a factor from 1 on, and the words.
    """
    known = dict(KNOWN[label])
    if label == "energies" and n_atoms is not None and n_atoms > 1:
        known |= {1 / n_atoms: PER_ATOM, n_atoms: TOTALS}
    if slope == 0:
        return math.inf, ""
    return min((_apart(abs(slope), factor), words) for factor, words in known.items())


def _apart(one: float, other: float) -> float:
    return max(one / other, other / one)

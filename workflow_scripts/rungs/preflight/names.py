"""What keys hold, by their names: the words that codes and people have for labels and ids."""

import re
from collections.abc import Iterable

_NOT_TOTAL = re.compile(
    r"fermi|kin(?:etic)?|band|gap|hull|formation|cohesive|vdw|disp|corr|electron|nuclear|"
    r"reference|shift|per_electron|weight|unit|std|var|err|uncert|cutoff|encut|tolerance|pot_ml",
    re.IGNORECASE,
)
_PER_ATOM = re.compile(
    r"per[ _-]?atom|peratom|(?:^|_)pa(?:_|$)|/at(?:om)?$|[ _]atom$", re.IGNORECASE
)
_ENERGY = (
    r"energy",
    r"(?:ref|dft|total|tot|potential|pot|qm|target|scf|final|e0|raw|uncorrected)[_-]?energy",
    r"energy[_-]?(?:ref|dft|total|tot|scf|eV|qm|raw|0|sigma0|uncorrected|pot)",
    r".*(?:energy|energies).*",
    r"e|e0|e_?tot|etot|e_0|toten|u0|u|(?:ref|dft)_e|e[_-]?(?:per[_-]?atom|pa)|e/atom",
    r"free_energy|.*free_energy.*",
)
_FORCES = (
    r"forces?",
    r"(?:ref|dft|qm|target|scf|total|raw)[_-]?forces?",
    r"forces?[_-]?(?:ref|dft|qm|scf|total|raw)",
    r".*forces?.*",
    r"f|frc|(?:ref|dft)_f",
)
_STRESS = (
    r"stress",
    r"(?:ref|dft|qm|target|total|raw)[_-]?stress(?:es)?",
    r"stress[_-]?(?:ref|dft|qm|total|raw)",
    r".*stress.*",
)
_VIRIAL = (r"virials?", r"(?:ref|dft|qm|target|total)[_-]?virials?", r".*virials?.*")
_MAGMOMS = (r"magmoms?", r"(?:ref|dft|initial)?_?magmoms?", r"magnetic_moments?", r".*magmoms?.*")
_MATERIAL = (
    r"material_?id|mp[_-]?id|materials?_project_id|.*original_mp_id",
    r".*traj(?:ectory)?_?id|traj(?:ectory)?|.*mp_?id",
    r"material|structure_?id|system_?id|compound_?id|icsd.*|cod_?id|parent_?id|mol(?:ecule)?_?id",
    r"mat|mat_?id|material_name|compound|prototype|polymorph|system|molecule|structure|cif|parent",
    r"config_?id|source_id|run_?id|calculation|trajectory_name",
)
_GROUP = (
    r"config_?type|group|kind|category|type|label|subset|dataset|class|phase|tag|source_group",
)
_PART = (r"split|part|subset|division|fold|set|data_?split|partition",)
_FUNCTIONAL = (r"functional|xc|level|level_of_theory|method|theory|dft_functional|run_type",)
_TEMPERATURE = (r"temperature(?:_K)?|temp|T_K|T",)
PATTERNS = {
    "energy": _ENERGY,
    "forces": _FORCES,
    "stress": _STRESS,
    "virial": _VIRIAL,
    "magmoms": _MAGMOMS,
    "material": _MATERIAL,
    "group": _GROUP,
    "part": _PART,
    "functional": _FUNCTIONAL,
    "temperature": _TEMPERATURE,
}
MATERIAL_ID = re.compile(r"(?:mp|mvc|mpr?|agm|oqmd|icsd|cod|jvasp|aflow)[-_]?\d+", re.IGNORECASE)
"""Ids of databases of materials."""
PARTS = {
    "train": "train",
    "training": "train",
    "tr": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "holdout": "test",
}
"""Words for the parts of a published division."""


def is_per_atom(name: str) -> bool:
    """Whether a name says that a value is per atom."""
    return _PER_ATOM.search(name) is not None


def candidates(what: str, names: Iterable[str]) -> list[str]:
    """The names that may hold ``what``, a key of :data:`PATTERNS`, the likeliest first."""
    found = []
    for place, name in enumerate(names):
        if what == "energy" and _NOT_TOTAL.search(name):
            continue
        for rank, pattern in enumerate(PATTERNS[what]):
            if re.fullmatch(pattern, name, re.IGNORECASE):
                per_atom = what == "energy" and is_per_atom(name)
                found.append((per_atom, rank, place, name))
                break
    return [name for *_, name in sorted(found)]


_UNITS = {
    "energy": (
        ("kcal/mol", r"kcal"),
        ("kJ/mol", r"kj"),
        ("Ha", r"hartree|(?:^|[_\[( ])(?:ha|eh|au)(?:$|[_\]) ])"),
        ("Ry", r"rydberg|(?:^|[_\[( ])ry(?:$|[_\]) ])"),
        ("meV", r"(?:^|[_\[( ])mev"),
        ("eV", r"(?:^|[_\[( ])ev"),
    ),
    "stress": (
        ("kbar", r"kbar|kilobar|(?:^|_)kb$"),
        ("GPa", r"gpa"),
        ("MPa", r"mpa"),
        ("eV/Å³", r"ev"),
    ),
    "forces": (
        ("kcal/mol/Å", r"kcal"),
        ("kJ/mol/nm", r"kj.*nm"),
        ("kJ/mol/Å", r"kj"),
        ("Ha/Bohr", r"hartree|bohr|(?:^|[_\[( ])(?:ha|au)(?:$|[_\]) /])"),
        ("meV/Å", r"mev"),
        ("eV/Å", r"(?:^|[_\[( ])ev"),
    ),
}


def unit_in_name(label: str, name: str) -> str | None:
    """Unit that a key's own name tells, such as ``energy_kcal``; None where it tells none."""
    return next((unit for unit, p in _UNITS[label] if re.search(p, name, re.IGNORECASE)), None)


_FUNCTIONALS = (
    r"revPBE0-D3(?:BJ)?|revPBE-D3(?:BJ)?|r2SCAN-3c|r2SCAN|rSCAN|SCAN|revPBE0|revPBE|PBEsol|PBE0|"
    r"PBE-D3(?:BJ)?|PBE\+U|PBE|RPBE|BLYP|B3LYP|HSE06|HSE|LDA|GGA\+U|GGA|BEEF-vdW|optB88-vdW|"
    r"wB97X-D3|wB97M-V|wB97X|M06-2X|MP2|CCSD\(T\)|CCSDT|CCSD|RPA|DFTB|xTB|GFN2|GFN1|Stillinger-Weber"
)


def functional_in(text: str) -> str | None:
    """Level of theory that a file's name tells; None where it tells none."""
    found = re.search(rf"(?<![A-Za-z0-9])(?:{_FUNCTIONALS})(?![A-Za-z])", text, re.IGNORECASE)
    if found is None:
        return None
    known = {name.replace("\\", "").lower(): name.replace("\\", "") for name in _words()}
    return known.get(found[0].lower(), found[0])


def _words() -> list[str]:
    return [word.replace("(?:BJ)?", "") for word in _FUNCTIONALS.split("|")]

"""Calculations that have trajectories but belong to no material yet: whose are they?

The service's documents of materials lag behind: a good part of the newer r2SCAN calculations
stands in no material's list. Each gets the material of its formula whose structure it has, or
becomes a material with the others of its structure, so that a split by material stays one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rungs.frames.elements import SYMBOLS
from rungs.materials_project.client import Service
from rungs.materials_project.judging import functional

if TYPE_CHECKING:
    from pymatgen.core import Structure


class Adopted(NamedTuple):
    """Calculations with the materials they were given."""

    materials: dict[str, str]
    """Material of each calculation, by canonical identifiers."""
    main_energies: dict[str, float]
    """Lowest final energy in eV/atom of each material that only such calculations have."""


def in_query(numbers: frozenset[int], query: Mapping[str, object], formulas: set[str]) -> bool:
    """Whether a calculation with these atomic numbers may be one that ``query`` asks for.

    Args:
        numbers: atomic numbers in the calculation.
        query: the section ``query``.
        formulas: chemical systems of the materials that the query found, e.g. ``Li-O``.
    """
    symbols = {SYMBOLS[number - 1] for number in numbers}
    system = "-".join(sorted(symbols))
    if query.get("everything"):
        return True
    if query.get("elements"):
        return set(query["elements"]) <= symbols
    if query.get("made_of"):
        return symbols <= set(query["made_of"])
    if query.get("chemical_systems"):
        return symbols in [set(name.split("-")) for name in query["chemical_systems"]]
    return system in formulas


def adopt(
    service: Service,
    tasks: Collection[str],
    materials: Mapping[str, dict],
    labels: str,
    task_types: Sequence[str],
    only_known: bool,
) -> Adopted:
    """Give each of ``tasks`` that is of the right kind its material.

    Args:
        service: asked for the documents of tasks, and for structures of materials.
        tasks: canonical identifiers.
        materials: documents of the query's materials, with ``formula_pretty``.
        labels: the functional asked for; tasks of others are left out.
        task_types: kinds of calculations asked for.
        only_known: leave out tasks that match no material.
    """
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core import Structure

    by_formula: dict[str, list[tuple[str, Structure, float]]] = {}
    for identifier, document in sorted(service.tasks(sorted(tasks)).items()):
        usable = document.get("structure") is not None and document.get("output") is not None
        if not usable or functional(document) != labels:
            continue
        if str(document.get("task_type")) not in task_types:
            continue
        structure = Structure.from_dict(document["structure"])
        energy = float(document["output"]["energy"]) / len(structure)
        by_formula.setdefault(structure.composition.reduced_formula, []).append(
            (identifier, structure, energy)
        )
    candidates: dict[str, list[str]] = {}
    for material, document in materials.items():
        if document.get("formula_pretty") in by_formula:
            candidates.setdefault(document["formula_pretty"], []).append(material)
    wanted = sorted(material for some in candidates.values() for material in some)
    structures = (
        service.materials({"material_ids": wanted}, ["material_id", "structure"]) if wanted else {}
    )
    matcher = StructureMatcher()
    adopted, main = {}, {}
    for formula, found in sorted(by_formula.items()):
        known = [
            (material, Structure.from_dict(structures[material]["structure"]))
            for material in candidates.get(formula, [])
            if material in structures and structures[material].get("structure")
        ]
        for identifier, structure, energy in found:
            material = _match(matcher, structure, known)
            if material is None:
                if only_known:
                    continue
                material = identifier
                known.append((material, structure))
                main[material] = energy
            elif material in main:
                main[material] = min(main[material], energy)
            adopted[identifier] = material
    return Adopted(adopted, main)


def _match(
    matcher: object, structure: "Structure", known: Sequence[tuple[str, "Structure"]]
) -> str | None:
    return next((name for name, other in known if matcher.fit(structure, other)), None)

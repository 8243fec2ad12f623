"""Groups of a split: materials that must stay together."""

from collections.abc import Mapping, Sequence

from rungs.splits.composition import chemical_system
from rungs.splits.members import Member

Levels = Mapping[str, Sequence[Member]]


def split_groups(levels: Levels, by: str = "material") -> dict[str, str]:
    """For each material the smallest id among the materials that it must stay with.

    Materials stay together that share an identical frame, directly or by way of others; with
    ``by`` = ``composition`` or ``chemical_system`` also those that share one of these.
    """
    parent: dict[str, str] = {}

    def root(material: str) -> str:
        while parent[material] != material:
            parent[material] = material = parent[parent[material]]
        return material

    first_with: dict[bytes | str, str] = {}
    for level in levels.values():
        for m in level:
            material = m.material_id
            parent.setdefault(material, material)
            keys = (m.geometry,) if by == "material" else (m.geometry, family(m, by))
            for key in keys:
                other = first_with.setdefault(key, material)
                if other != material:
                    a, b = root(material), root(other)
                    parent[max(a, b)] = min(a, b)
    return {material: root(material) for material in parent}


def family(member: Member, by: str) -> str:
    """What a member has in common with others of its composition or chemical system."""
    return member.composition if by == "composition" else chemical_system(member.composition)

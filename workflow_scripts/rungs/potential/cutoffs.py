"""Cutoffs of the graphs that a study's network needs."""

from collections.abc import Mapping


def graph_cutoffs(initial: str, architecture: Mapping | None) -> tuple[float, float]:
    """Return the cutoffs in Å of the atom graph and of the bond graph.

    Args:
        initial: the pretraining's start; its model is asked where there is no ``architecture``.
        architecture: the section of that name, or None.
    """
    if architecture is not None:
        return architecture["atom_graph_cutoff"], architecture["bond_graph_cutoff"]
    from rungs.potential.published import load_initial

    converter = load_initial(initial).graph_converter
    return converter.atom_graph_cutoff, converter.bond_graph_cutoff

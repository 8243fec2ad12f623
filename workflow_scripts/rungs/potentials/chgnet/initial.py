"""The model that a study's pretraining starts from, by its name in the configuration."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chgnet.model import CHGNet


def load_initial(initial: str) -> "CHGNet":
    """Return a published CHGNet by its name, or the CHGNet in a file by its path.

    Raises:
        StudyError: when it is neither.
    """
    from rungs.potentials.chgnet.published import PUBLISHED, load_model, load_published

    return load_published(initial) if initial in PUBLISHED else load_model(initial)


def graph_cutoffs(initial: str, architecture: Mapping | None) -> tuple[float, float]:
    """Return the cutoffs in Å of the atom graph and of the bond graph that the network needs.

    Args:
        initial: ``pretraining.initial``; its model is asked where there is no ``architecture``.
        architecture: the section of that name, or None.
    """
    if architecture is not None:
        return architecture["atom_graph_cutoff"], architecture["bond_graph_cutoff"]
    converter = load_initial(initial).graph_converter
    return converter.atom_graph_cutoff, converter.bond_graph_cutoff

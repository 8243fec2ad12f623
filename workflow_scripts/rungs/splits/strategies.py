"""The strategies of drawing subsets, by the names that the configuration has for them."""

from collections.abc import Sequence
from typing import Any

from rungs.errors import StudyError
from rungs.splits.subsets import draw_order


def draw(sampling: str, train: Sequence[str], seed: int, inputs: Any) -> list[str]:
    """The order in which subsets take the training frames; subset N is its first N.

    Args:
        sampling: ``random``, ``element_covering`` or ``diverse``.
        train: ids of the target's training frames.
        seed: of this order.
        inputs: has the path ``frames`` of the target's frames for ``element_covering``, the paths
            ``clusters`` and ``merges`` for ``diverse``.

    Raises:
        StudyError: when an id comes twice, or a file does not have just these frames.
    """
    if sampling == "element_covering":
        from rungs.splits.composition import read_compositions
        from rungs.splits.element_covering import cover_elements

        compositions = read_compositions(inputs.frames, train)
        _check_same(compositions, train, inputs.frames)
        return cover_elements(compositions, seed)
    if sampling == "diverse":
        from rungs.splits.diverse import draw_from_clusters
        from rungs.splits.files import read_tree

        tree = read_tree(inputs.clusters, inputs.merges)
        _check_same(tree.cluster_of, train, inputs.clusters)
        return draw_from_clusters(tree, seed)
    return draw_order(train, seed)


def _check_same(found: dict, train: Sequence[str], path: str) -> None:
    if found.keys() != set(train) or len(found) != len(train):
        raise StudyError(
            f"{path}: does not hold just the target's training frames; delete it and let the "
            "workflow make it again"
        )

"""Nested random subsets of the training frames: the x axis of a learning curve."""

import itertools
from collections.abc import Iterable, Sequence

from rungs.errors import StudyError
from rungs.seeds import derive_seed


def draw_order(train_frame_ids: Iterable[str], seed: int) -> list[str]:
    """A random order of the frames; subset N is its first N, so subsets are nested.

    The order depends on the ids and ``seed`` alone, not on the order in which the ids come, and
    a frame more or less does not move the others about: each id is sorted by a hash of its own.

    Raises:
        StudyError: when an id comes twice.
    """
    ids = sorted(train_frame_ids)
    for one, other in itertools.pairwise(ids):
        if one == other:
            raise StudyError(f"frame id '{one}' is twice in the training part; make ids unique")
    return sorted(ids, key=lambda frame_id: (derive_seed(seed, "subset", frame_id), frame_id))


def source_order(ids: Iterable[str], study_seed: int) -> list[str]:
    """The order that smaller numbers of the source's training frames are taken in: for a
    pretraining on fewer of them, and for frames that take part in a fine-tuning.

    Args:
        ids: of all of them.
        study_seed: the study's seed.
    """
    return draw_order(ids, derive_seed(study_seed, "pretraining subset"))


def take(order: Sequence[str], size: int) -> list[str]:
    """Subset of ``size`` frames.

    Raises:
        StudyError: when there are fewer frames.
    """
    check_sizes([size], len(order))
    return list(order[:size])


def check_sizes(sizes: Sequence[int], n_available: int) -> None:
    """See that the training part holds the largest subset.

    Raises:
        StudyError: naming the sizes that are too large and the number of frames there are.
    """
    if too_large := [size for size in sizes if size > n_available]:
        raise StudyError(
            f"subsets.sizes has {', '.join(map(str, too_large))}, but the target's training part "
            f"has {n_available} frames; lower the sizes, bring more target frames, or make "
            "split.test and split.validation smaller"
        )

"""Pools: those of the target's training frames that a method may draw its subsets from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rungs.errors import StudyError

if TYPE_CHECKING:
    from rungs.config.pools import Pool


def pool_members(
    name: str,
    pool: "Pool",
    train: Sequence[str],
    temperatures: Mapping[str, float],
    groups: Mapping[str, str],
) -> list[str]:
    """Ids of the training frames in a pool, in their order.

    Args:
        name: of the pool, for messages.
        pool: what it asks for.
        train: ids of the target's training frames.
        temperatures: in K, of the frames that have one.
        groups: of the frames that have one.

    Raises:
        StudyError: for a temperature or a group that no training frame has, naming those that
            there are, and for a pool that no frame is in.
    """
    found: Sequence[str] = train
    for key, wanted, of_frame, unit in (
        ("temperatures", pool.temperatures, temperatures, " K"),
        ("groups", pool.groups, groups, ""),
    ):
        if wanted is None:
            continue
        there = Counter(of_frame[frame_id] for frame_id in train if frame_id in of_frame)
        if missing := [value for value in wanted if value not in there]:
            raise StudyError(
                f"pools.{name}.{key} asks for {_listed(missing, unit)}, but none of the target's "
                f"{len(train)} training frames has {'it' if len(missing) == 1 else 'them'}; "
                f"{_those_there(there, unit)}"
            )
        found = [frame_id for frame_id in found if of_frame.get(frame_id) in wanted]
    if not found:
        raise StudyError(
            f"pools.{name}: no training frame of the target has one of the temperatures "
            f"{_listed(pool.temperatures or [], ' K')} and is in one of the groups "
            f"{_listed(pool.groups or [], '')}; ask for less, or make two pools of it"
        )
    return list(found)


def check_pool_sizes(name: str, pool: "Pool", sizes: Sequence[int], n_frames: int) -> None:
    """See that a pool holds the largest subset drawn from it.

    Raises:
        StudyError: naming the pool, what it asks for, and the sizes that are too large.
    """
    if too_large := [size for size in sizes if size > n_frames]:
        asked = [_listed(pool.temperatures, " K")] if pool.temperatures else []
        asked += [_listed(pool.groups, "")] if pool.groups else []
        raise StudyError(
            f"pools.{name} ({'; '.join(asked)}) has {n_frames} training frames, but subsets of "
            f"{', '.join(map(str, too_large))} are asked of it; lower subsets.sizes or give the "
            f"methods with `pool: {name}` `sizes` of their own"
        )


def _listed(values: Sequence, unit: str) -> str:
    shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return ", ".join(shown) + unit


def _those_there(there: Counter, unit: str) -> str:
    if not there:
        return "there are none at all; see the keys that the target's data can declare"
    counts = ", ".join(
        f"{_listed([value], unit)} ({count} frame{'s' if count > 1 else ''})"
        for value, count in sorted(there.items())
    )
    return f"there are {counts}"

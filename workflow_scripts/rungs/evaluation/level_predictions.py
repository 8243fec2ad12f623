"""The source level's values for the target's frames, where the levels share no frames.

Most studies have no frame that was calculated at both levels. What the source level would say of
the target's frames is then known from the pretrained model alone.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rungs.frames.columns import iter_geometries
from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter, iter_frames

if TYPE_CHECKING:
    from rungs.graphs.store import GraphStore

PathLike = str | os.PathLike

LABELLED = "labelled"
"""Where both levels' values are labels of shared frames."""
COMPARED_COMPONENTS = 60_000
"""Force components that levels are compared on: frames are drawn until they have so many."""
PREDICTED = "predicted by the pretrained model"


def share_frames(source: PathLike, target: PathLike) -> bool:
    """Whether any frame has the same id and the same atoms in the same order at both levels."""
    atoms = dict(_atoms(source))
    return any(atoms.get(frame_id) == of_frame for frame_id, of_frame in _atoms(target))


def _atoms(path: PathLike) -> Iterator[tuple[str, int]]:
    for frames in iter_geometries(path, positions=False):
        parts = np.split(frames.atomic_numbers, frames.stops[:-1])
        for frame_id, numbers in zip(frames.frame_ids, parts, strict=True):
            yield frame_id, hash(numbers.tobytes())


def write_level_predictions(
    output: PathLike,
    *,
    source: PathLike,
    target: PathLike,
    graphs: PathLike,
    names: Sequence[str],
    model: PathLike,
    interactions: PathLike | None = None,
    known: np.ndarray | None,
    magmoms: bool,
) -> str:
    """Write the target's frames with the pretrained model's predictions as their labels: energies
    of all, and everything else of as many, drawn at random, as are compared.

    Where the levels share frames, whose labels say more, or the model knows no frame's elements,
    the file holds no frame and says so.

    Args:
        output: a file of frames to write; in its provenance stand ``source_values``, in words for
            tables and figures.
        source, target: the frames of both levels.
        graphs: the target's.
        names: ids of the target frames to predict; others are left out.
        model: the pretrained model, with the source's reference energies.
        interactions: its network's energies of some of these frames, which then are not predicted
            again.
        known: (94,) bool, the elements that it was trained on; None for all. A frame that holds
            others is left out.
        magmoms: whether its magnetic moments were trained.

    Returns:
        A line for the terminal.
    """
    if share_frames(source, target):
        _write(output, (), LABELLED)
        return "the levels share frames: nothing is predicted"
    wanted, unknown = set(names), set()
    if known is not None:
        for frames in iter_geometries(target, positions=False):
            parts = np.split(frames.atomic_numbers, frames.stops[:-1])
            for frame_id, numbers in zip(frames.frame_ids, parts, strict=True):
                if frame_id in wanted and (strange := set(numbers[~known[numbers - 1]].tolist())):
                    wanted.discard(frame_id)
                    unknown |= strange
    symbols = ", ".join(SYMBOLS[z - 1] for z in sorted(unknown))
    left_out = f", {len(names) - len(wanted)} left out that hold {symbols}" if unknown else ""
    if not wanted:
        why = f", and the pretrained model was not trained on {symbols}" if unknown else ""
        _write(output, (), f"none: the levels share no frames{why}")
        return f"the levels share no frames{why}: nothing is predicted"
    frames = _predicted(target, graphs, wanted, model, interactions, magmoms)
    n = _write(output, frames, PREDICTED)
    return f"the levels share no frames: source values of {n} target frames predicted{left_out}"


def _predicted(
    target: PathLike,
    graphs: PathLike,
    wanted: set[str],
    model: PathLike,
    interactions: PathLike | None,
    magmoms: bool,
) -> Iterator[Frame]:
    from rungs.graphs.store import GraphStore
    from rungs.potentials.device import pick_device
    from rungs.potentials.model_files import load_model
    from rungs.potentials.predict import predict
    from rungs.potentials.references import get_reference
    from rungs.training.interactions import known_or_predicted

    store = GraphStore.open(graphs)
    places = np.array([i for i, name in enumerate(store.frame_ids) if name in wanted])
    network = load_model(model).to(pick_device())
    energies = known_or_predicted(interactions, network, store, places)
    energies += store.compositions(places) @ get_reference(network)
    drawn = _draw(store, places)
    predictions = predict(network, store, drawn)
    drawn = set(drawn.tolist())
    # graphs have the order of the frames they were built of
    rest = zip(places.tolist(), energies.tolist(), strict=True)
    place, energy = next(rest, (None, 0.0))
    for frame in iter_frames(target):
        if place is None or frame.frame_id != store.frame_ids[place]:
            continue
        others = next(predictions) if place in drawn else None
        yield dataclasses.replace(
            frame,
            energy=energy * frame.n_atoms,
            forces=others and others.forces,
            stress=others and others.stress,
            magmoms=others.magmoms if others and magmoms else None,
        )
        place, energy = next(rest, (None, 0.0))


def _draw(store: "GraphStore", places: np.ndarray) -> np.ndarray:
    """Return, in their order, frames with more labels than an energy, drawn at random until they
    have as many force components as are compared."""
    labelled = store.labelled(places)
    others = [there for name, there in labelled.items() if name != "energy"]
    places = places[np.any(others, axis=0)]
    order = np.random.default_rng(0).permutation(len(places))
    components = np.cumsum(3 * store.n_atoms[places[order]])
    enough = int(np.searchsorted(components, COMPARED_COMPONENTS)) + 1
    return np.sort(places[order[:enough]])


def _write(output: PathLike, frames: Iterator[Frame] | tuple, source_values: str) -> int:
    with FrameWriter(output, {"source_values": source_values}) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.n_frames

"""The source level's values for the target's frames, where the levels share no frames.

Most studies have no frame that was calculated at both levels. What the source level would say of
the target's frames is then known from the pretrained model alone.
"""

import dataclasses
import os
from collections.abc import Iterator, Sequence

import numpy as np

from rungs.frames.elements import SYMBOLS
from rungs.frames.frame import Frame
from rungs.frames.table import FrameWriter, iter_frames, iter_geometries

PathLike = str | os.PathLike

LABELLED = "labelled"
"""Where both levels' values are labels of shared frames."""
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
    known: np.ndarray | None,
    magmoms: bool,
) -> str:
    """Write the target's frames with the pretrained model's predictions as their labels.

    Where the levels share frames, whose labels say more, or the model knows no frame's elements,
    the file holds no frame and says so.

    Args:
        output: a file of frames to write; in its provenance stand ``source_values``, in words for
            tables and figures.
        source, target: the frames of both levels.
        graphs: the target's.
        names: ids of the target frames to predict; others are left out.
        model: the pretrained model, with the source's reference energies.
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
    frames = _predicted(target, graphs, wanted, model, magmoms)
    n = _write(output, frames, PREDICTED)
    return f"the levels share no frames: source values of {n} target frames predicted{left_out}"


def _predicted(
    target: PathLike, graphs: PathLike, wanted: set[str], model: PathLike, magmoms: bool
) -> Iterator[Frame]:
    from rungs.graphs.store import GraphStore
    from rungs.potentials.chgnet.published import load_model
    from rungs.potentials.device import pick_device
    from rungs.potentials.predict import predict

    store = GraphStore.open(graphs)
    places = np.array([i for i, name in enumerate(store.frame_ids) if name in wanted])
    predictions = predict(load_model(model).to(pick_device()), store, places)
    # graphs have the order of the frames they were built of
    ids = (store.frame_ids[i] for i in places)
    frame_id = next(ids, None)
    for frame in iter_frames(target):
        if frame.frame_id != frame_id:
            continue
        prediction = next(predictions)
        yield dataclasses.replace(
            frame,
            energy=prediction.energy_per_atom * frame.n_atoms,
            forces=prediction.forces,
            stress=prediction.stress,
            magmoms=prediction.magmoms if magmoms else None,
        )
        frame_id = next(ids, None)


def _write(output: PathLike, frames: Iterator[Frame] | tuple, source_values: str) -> int:
    with FrameWriter(output, {"source_values": source_values}) as writer:
        for frame in frames:
            writer.write(frame)
    return writer.n_frames

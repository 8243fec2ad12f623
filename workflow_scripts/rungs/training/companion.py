"""Frames of the source that a method trains on beside the target's: co-training and replay.

Each level keeps its own elemental reference energies. A model has those of the target, so the
companion's energies are moved to them before the training: E' = E − Σ_source + Σ_target, sums over
the atoms of a frame. What the network then learns of such a frame is E − Σ_source, its interaction
energy at the source level.
"""

import hashlib
import os
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from rungs.config.methods import Companion
from rungs.graphs.store import GraphStore
from rungs.splits.companions import check_companion_frames
from rungs.training.labels import FrameLabels, read_labels

PathLike = str | os.PathLike


class Chosen(NamedTuple):
    """The frames of an update: the training's own, and those of its companion."""

    own: np.ndarray
    beside: np.ndarray


Frames = np.ndarray | Chosen


class Beside(NamedTuple):
    """Frames of the other level that take part in every update."""

    store: GraphStore
    share: float
    """Of the loss."""
    weight: float
    """Factor on the loss of its frames."""
    fidelity: Literal["shared", "embedding", "heads"] = "shared"
    """How the network tells the levels apart."""

    def factor(self, *, own: bool) -> float:
        """Return what the mean loss of the own frames, or of the others, is multiplied by."""
        return 1 - self.share if own else self.share * self.weight


@dataclass(frozen=True)
class CompanionFrames:
    """The companion of one training, described so that several processes can take part in it."""

    graphs: PathLike
    """The source's graphs."""
    training: np.ndarray
    """Places of the frames to train on."""
    validation: np.ndarray
    """Places of frames whose errors are followed."""
    share: float
    """Of each batch, above 0 and below 1."""
    weight: float
    """Factor on the loss of its frames."""
    shift: np.ndarray
    """(94,) in eV: the target's reference energies less the source's."""
    fidelity: Literal["shared", "embedding", "heads"] = "shared"
    labels: FrameLabels | None = None
    """Of ``training``, on the source's references, in place of the file's; None keeps those."""

    def open(self) -> GraphStore:
        """Return the store with energies on the target's references."""
        store = GraphStore.open(self.graphs)
        if self.labels is not None:
            store = self.labels.put_into(store)
        energies = np.full(len(store), np.nan)
        frames = np.concatenate([self.training, self.validation])
        energies[frames] = store.energies_per_atom[frames] + store.compositions(frames) @ self.shift
        return GraphStore({**store.arrays, "energies_per_atom": energies}, *store.cutoffs)

    def fingerprint(self) -> dict:
        """Return plain values that differ where another companion is trained on."""
        content = hashlib.sha256(self.training.tobytes() + self.shift.tobytes())
        if self.labels is not None:
            content.update(self.labels.digest().encode())
        return {"companion": content.hexdigest()[:16]}


def companion_frames(
    asked: Companion,
    *,
    graphs: PathLike,
    training: list[str],
    validation: list[str],
    source: np.ndarray,
    target: np.ndarray,
    labels: PathLike | None,
    n_followed: int,
) -> CompanionFrames:
    """Return the companion that a method asks for.

    Args:
        asked: of the method; its share is above 0.
        graphs: the source's graphs.
        training, validation: ids of the source's frames in these parts, the training's in the order
            that they are drawn in.
        source, target: (94,) reference energies of the two levels in eV/atom.
        labels: the file of what the pretrained network says of the frames, where those are the
            labels.
        n_followed: how many validation frames to follow, at most.

    Raises:
        StudyError: when there are no frames, or fewer than asked for.
    """
    check_companion_frames("companion", asked.frames, len(training))
    store = GraphStore.open(graphs)
    places = store.index(training[: asked.frames])
    followed = store.index(validation[:n_followed])
    return CompanionFrames(
        graphs,
        places,
        followed,
        asked.share,
        asked.weight,
        target - source,
        asked.fidelity,
        read_labels(labels, store, places) if asked.labels == "model" else None,
    )

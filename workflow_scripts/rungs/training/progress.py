"""What a training starts with, where it stands, and what it leaves behind."""

import math
from dataclasses import dataclass, field

import numpy as np

from rungs.graphs.store import GraphStore
from rungs.training.companion import CompanionFrames
from rungs.training.divergence import DivergenceCheck


@dataclass(frozen=True)
class TrainingData:
    """Graphs to learn from, and graphs to choose the best weights by."""

    training: GraphStore
    training_indices: np.ndarray
    validation: GraphStore
    validation_indices: np.ndarray
    companion: CompanionFrames | None = None

    def frame_ids(self, positions: np.ndarray) -> list[str]:
        """Return the ids of training frames by their position among ``training_indices``."""
        return [self.training.frame_ids[i] for i in self.training_indices[positions]]


@dataclass
class TrainingResult:
    """What a training leaves behind; the model it was given holds the chosen weights."""

    history: list[dict] = field(default_factory=list)
    n_updates: int = 0
    """The budget."""
    last_update: int = 0
    """The last one done: the budget, or fewer where patience ended."""
    chosen_update: int = 0
    """Update after which the chosen weights stood: the best by validation loss, else the last."""
    updates_done_here: int = 0
    frames_seen_here: int = 0
    training_seconds: float = 0.0
    source_weights: dict | None = None
    """Weights by name that the chosen model has in place of its own at the source; None where it
    does not tell the levels apart."""
    goes: list[dict] = field(default_factory=list)
    """One for each time that the training was started or gone on with: after which update, when,
    and by which revision."""


@dataclass
class Progress:
    """Where a training stands, besides weights and history."""

    done: int = 0
    best: dict | None = None
    best_source: dict | None = None
    best_loss: float = math.inf
    sums: dict[str, float] = field(default_factory=dict)
    n_summed: dict[str, int] = field(default_factory=dict)
    recent_losses: list[float] = field(default_factory=list)
    first_losses: list[float] = field(default_factory=list)

    def watched(self, divergence: DivergenceCheck) -> None:
        """Keep what the check for divergence has seen."""
        self.recent_losses, self.first_losses = divergence.recent, divergence.first

    def __post_init__(self) -> None:
        if isinstance(self.n_summed, int):  # in checkpoints of before labels could be missing
            self.n_summed = dict.fromkeys(self.sums, self.n_summed)

    def add(self, terms: dict[str, float]) -> None:
        self.done += 1
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.n_summed[name] = self.n_summed.get(name, 0) + 1

    def take_means(self) -> dict[str, float]:
        """Return the means since the last call, over the batches that had a label."""
        means = {name: value / self.n_summed[name] for name, value in self.sums.items()}
        self.sums, self.n_summed = {}, {}
        return means

"""The training loop: updates, validation, the best weights, checkpoints."""

import copy
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.graphs.store import GraphStore
from rungs.potential.errors import ErrorSums
from rungs.potential.forward import BatchedCHGNet
from rungs.potential.properties import PROPERTIES
from rungs.training.checkpoint import load_checkpoint, save_checkpoint
from rungs.training.loss import loss_terms, total_loss
from rungs.training.schedule import BatchOrder, learning_rate, number_of_updates

HISTORY_COLUMNS = (
    "update",
    "epoch",
    "learning_rate",
    "train_loss",
    *(f"train_{name}_loss" for name in PROPERTIES),
    "validation_loss",
    "validation_energy_mae_mev_per_atom",
    "validation_force_mae_mev_per_angstrom",
    "validation_stress_mae_gpa",
    "validation_magmom_mae_mu_b",
    "seconds",
)
CHECKPOINT_SECONDS = 60.0
"""A killed training loses at most this much work, and what follows its last validation."""


@dataclass(frozen=True)
class TrainingData:
    """Graphs to learn from, and graphs to choose the best weights by."""

    training: GraphStore
    training_indices: np.ndarray
    validation: GraphStore
    validation_indices: np.ndarray

    def frame_ids(self, positions: np.ndarray) -> list[str]:
        """Return the ids of training frames by their position among ``training_indices``."""
        return [self.training.frame_ids[i] for i in self.training_indices[positions]]


@dataclass
class TrainingResult:
    """What a training leaves behind; the model it was given holds the chosen weights."""

    history: list[dict] = field(default_factory=list)
    n_updates: int = 0
    chosen_update: int = 0
    """Update after which the chosen weights stood: the best by validation loss, else the last."""
    updates_done_here: int = 0
    frames_seen_here: int = 0
    training_seconds: float = 0.0


class Trainer:
    """Trains a CHGNet in place on graphs, by updates that depend on their number alone.

    Nothing in a training is random but the initial weights (the caller's) and the order of the
    frames (a function of seed and epoch), so a run that goes on from a checkpoint equals one that
    was never interrupted.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        data: TrainingData,
        options: Training,
        *,
        seed: int,
        device: torch.device,
        train_reference: bool = False,
    ) -> None:
        self.data = data
        self.options = options
        self.device = device
        self.model = model.to(device)
        model.composition_model.requires_grad_(train_reference)
        self.potential = BatchedCHGNet(model)
        self.trainable = [p for p in model.parameters() if p.requires_grad]
        self.n_updates = number_of_updates(options, len(data.training_indices))
        # What is validated and kept: the average of the weights, or the weights themselves.
        self.kept = copy.deepcopy(model) if options.averaging else model
        self.judge = BatchedCHGNet(self.kept)
        self.order = BatchOrder(len(data.training_indices), options.batch_size, seed)
        self.optimizer = self._make_optimizer()
        self.validate_after = {
            math.ceil(self.n_updates * k / options.validations)
            for k in range(1, options.validations + 1)
        }

    def _make_optimizer(self) -> torch.optim.Optimizer:
        references = {id(p) for p in self.model.composition_model.parameters()}
        network = [p for p in self.model.parameters() if id(p) not in references]
        groups = [
            {"params": network, "weight_decay": self.options.weight_decay},
            # Decay would pull reference energies of tens of eV towards 0.
            {"params": list(self.model.composition_model.parameters()), "weight_decay": 0.0},
        ]
        kind = {"Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}[self.options.optimizer]
        return kind(groups, lr=self.options.learning_rate, fused=True)

    def train(self, checkpoint: Path, fingerprint: Mapping, label: str) -> TrainingResult:
        """Run all updates, going on from ``checkpoint`` if it belongs to this training.

        Args:
            checkpoint: where checkpoints are written; the caller removes it once the outputs are.
            fingerprint: plain values that tell what is trained, on what and how.
            label: shown with the progress bar.

        Raises:
            StudyError: when the loss is not finite, naming update and frames.
        """
        result = TrainingResult(n_updates=self.n_updates)
        best: dict | None = None
        best_loss = math.inf
        sums: dict[str, float] = {}
        done = 0
        state, line = load_checkpoint(checkpoint, fingerprint)
        print(f"{label}: {line}", file=sys.stderr)
        if state is not None:
            done = state["update"]
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.kept.load_state_dict(state["kept"])
            best, best_loss, sums = state["best"], state["best_loss"], state["sums"]
            result.history, result.chosen_update = state["history"], state["chosen_update"]

        begin = saved_at = time.perf_counter()
        bar = tqdm(
            total=self.n_updates,
            initial=done,
            desc=label,
            unit="update",
            mininterval=0.5 if sys.stderr.isatty() else 15.0,
        )
        for update in range(done, self.n_updates):
            positions = self.order[update]
            terms, rate = self._update(update, positions)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value
            sums["updates"] = sums.get("updates", 0) + 1
            result.updates_done_here += 1
            result.frames_seen_here += len(positions)
            bar.update()
            if update + 1 in self.validate_after:
                result.training_seconds += time.perf_counter() - begin
                row, loss = self._validate()
                result.history.append(
                    {
                        "update": update + 1,
                        "epoch": (update + 1) / self.order.per_epoch,
                        "learning_rate": rate,
                        **{k: v / sums["updates"] for k, v in sums.items() if k != "updates"},
                        **row,
                        "seconds": round(bar.format_dict["elapsed"], 3),
                    }
                )
                sums = {}
                if loss <= best_loss or not len(self.data.validation_indices):
                    best_loss, result.chosen_update = loss, update + 1
                    # A copy: the weights go on changing.
                    best = copy.deepcopy(self.kept.state_dict())
                begin = time.perf_counter()
            if time.perf_counter() - saved_at > CHECKPOINT_SECONDS:
                state = {
                    "update": update + 1,
                    "model": self.model.state_dict(),
                    "kept": self.kept.state_dict(),
                    "optimizer": self.optimizer.state_dict(),
                    "best": best,
                    "best_loss": best_loss,
                    "sums": sums,
                    "history": result.history,
                    "chosen_update": result.chosen_update,
                }
                save_checkpoint(checkpoint, state, fingerprint)
                saved_at = time.perf_counter()
        bar.close()
        if best is not None:
            self.model.load_state_dict(best)
        return result

    def _update(self, update: int, positions: np.ndarray) -> tuple[dict[str, float], float]:
        """Do one optimiser update; return the loss terms and the learning rate."""
        rate = learning_rate(update, self.n_updates, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        weights = self.options.weights
        batch = self.data.training.batch(self.data.training_indices[positions], self.device)
        prediction = self.potential(
            batch, stress=weights.stress > 0, magmoms=weights.magmom > 0, create_graph=True
        )
        terms = loss_terms(prediction, batch, self.options)
        loss = total_loss(terms, weights)
        value = loss.item()
        if not math.isfinite(value):
            raise StudyError(
                f"the loss became {value} at update {update + 1}, on frames "
                f"{', '.join(self.data.frame_ids(positions)[:8])}. Look at these frames in the "
                "frames file, or lower learning_rate or clip_gradient_norm"
            )
        self.optimizer.zero_grad(set_to_none=True)
        # Only to the parameters: the gradient to the bond vectors would be thrown away.
        loss.backward(inputs=self.trainable)
        if self.options.clip_gradient_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.trainable, self.options.clip_gradient_norm)
        self.optimizer.step()
        if self.kept is not self.model:
            self._average(update)
        return {
            "train_loss": value,
            **{f"train_{name}_loss": term.item() for name, term in terms.items()},
        }, rate

    @torch.no_grad()
    def _average(self, update: int) -> None:
        """Move the kept weights towards the present ones."""
        decay = min(self.options.averaging, (1 + update) / (10 + update))
        kept, now = list(self.kept.parameters()), list(self.model.parameters())
        torch._foreach_lerp_(kept, now, 1 - decay)

    def _validate(self) -> tuple[dict[str, float], float]:
        """Return the validation columns of a history row, and the validation loss."""
        indices = self.data.validation_indices
        if not len(indices):
            return {}, math.inf
        sums, weights = ErrorSums(), self.options.weights
        loss, n_frames = 0.0, 0
        for chosen in self.data.validation.chunks(indices):
            batch: GraphBatch = self.data.validation.batch(chosen, self.device)
            prediction = self.judge(batch, create_graph=False)
            sums.add(prediction, batch)
            terms = loss_terms(prediction, batch, self.options)
            loss += total_loss(terms, weights).item() * len(chosen)
            n_frames += len(chosen)
        errors = sums.errors()
        columns = {
            "energy": "validation_energy_mae_mev_per_atom",
            "force": "validation_force_mae_mev_per_angstrom",
            "stress": "validation_stress_mae_gpa",
            "magmom": "validation_magmom_mae_mu_b",
        }
        row = {columns[name]: error.mae for name, error in errors.items()}
        return {"validation_loss": loss / n_frames, **row}, loss / n_frames

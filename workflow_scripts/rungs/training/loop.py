"""The training loop: updates, validation, the best weights, checkpoints."""

import copy
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.potentials.models import potential_of
from rungs.potentials.prediction_errors import ErrorSums, evaluate
from rungs.potentials.properties import PROPERTIES
from rungs.potentials.references import references_of
from rungs.seeds import derive_seed
from rungs.training.changes import Changes
from rungs.training.checkpoint import CHECKPOINT_SECONDS, load_checkpoint, save_checkpoint
from rungs.training.companion import Beside, Chosen, Frames
from rungs.training.distributed import SINGLE_PROCESS, Processes
from rungs.training.divergence import DivergedError, DivergenceCheck
from rungs.training.loss import loss_terms, total_loss, weights_of_labelled
from rungs.training.progress import Progress, TrainingData, TrainingResult
from rungs.training.schedule import (
    BatchOrder,
    learning_rate,
    number_of_updates,
    updates_of_references,
)
from rungs.training.step import Step
from rungs.training.termination import stop_requests
from rungs.training.tracking import tracking
from rungs.workflow.copies import copies
from rungs.workflow.revision import now, revision

VALIDATION_COLUMNS = (
    "validation_energy_mae_mev_per_atom",
    "validation_force_mae_mev_per_angstrom",
    "validation_stress_mae_gpa",
    "validation_magmom_mae_mu_b",
)
"""In the order of ``PROPERTIES``."""
COMPANION_COLUMNS = {
    "energy": "companion_energy_mae_mev_per_atom",
    "force": "companion_force_mae_mev_per_angstrom",
}
"""Errors on validation frames of the source, where a method trains on its frames too."""
HISTORY_COLUMNS = (
    "update",
    "epoch",
    "learning_rate",
    "train_loss",
    *(f"train_{name}_loss" for name in PROPERTIES),
    "train_companion_loss",
    "gradient_norm",
    "validation_loss",
    *VALIDATION_COLUMNS,
    *COMPANION_COLUMNS.values(),
    "seconds",
)


def _validation(data: TrainingData, options: Training) -> tuple[np.ndarray, dict[str, float]]:
    """Return the frames to validate on, and the share of them that has each label which counts; no
    frames where none has any."""
    indices, weights = data.validation_indices, options.weights
    if not len(indices):
        return indices, {}
    labelled = data.validation.labelled(indices)
    shares = {n: float(there.mean()) for n, there in labelled.items() if getattr(weights, n) > 0}
    return indices if any(shares.values()) else indices[:0], shares


class Trainer:
    """Trains a network in place on graphs, by updates that depend on their number alone.

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
        processes: Processes = SINGLE_PROCESS,
        changes: Changes | None = None,
    ) -> None:
        self.processes = processes
        self.data = data
        self.options = options
        self.device = device
        self.model = model.to(device)
        references_of(model).requires_grad_(train_reference)
        labelled = [(data.training, data.training_indices)]
        beside, self._companion_validation = None, None
        n_beside = 0
        if (companion := data.companion) is not None:
            store = companion.open()
            beside = Beside(store, companion.share, companion.weight, companion.fidelity)
            labelled.append((store, companion.training))
            if len(companion.validation):
                self._companion_validation = store, companion.validation
            n_beside = min(
                max(1, round(companion.share * options.batch_size)), options.batch_size - 1
            )
        weights = weights_of_labelled(options.weights, *labelled)
        trained = options.model_copy(update={"weights": weights})
        self.step = Step(self.model, data.training, trained, device, processes, beside, changes)
        self.kept = self.step.kept
        self.judge = potential_of(self.kept, compiled=options.compiled)
        self.validation_indices, self._shares = _validation(data, options)
        n_frames = len(data.training_indices)
        self.n_updates = number_of_updates(options, n_frames)
        costs = data.training.n_rows[data.training_indices] if options.balance_batches else None
        self.order = BatchOrder(n_frames, options.batch_size - n_beside, seed, costs)
        self.order_beside = None
        if beside is not None:
            n_source, own = len(companion.training), derive_seed(seed, "companion")
            costs = beside.store.n_rows[companion.training] if options.balance_batches else None
            self.order_beside = BatchOrder(n_source, n_beside, own, costs)
        self.divergence = DivergenceCheck(options.stop_at_jump)
        self.validate_after = {
            math.ceil(self.n_updates * k / options.validations)
            for k in range(1, options.validations + 1)
        }

    def train(
        self, checkpoint: Path, fingerprint: Mapping, label: str, events: Path | None = None
    ) -> TrainingResult:
        """Run all updates, going on from ``checkpoint`` if it belongs to this training.

        Args:
            checkpoint: where checkpoints are written; the caller removes it once the outputs are.
            fingerprint: plain values that tell what is trained, on what and how.
            label: shown with the progress bar.
            events: folder for TensorBoard, or None.

        Raises:
            StudyError: when the loss is not finite or jumps, naming update and frames; when
                memory does not suffice; when SIGTERM came, after a checkpoint; when events are
                asked for without tensorboard.
        """
        result = TrainingResult(n_updates=self.n_updates)
        progress = Progress()
        state = self._resume(checkpoint, fingerprint, label)
        if state is not None:
            self.step.restore(state["step"])
            progress = Progress(**state["progress"])
            self.divergence = DivergenceCheck(
                self.options.stop_at_jump, progress.recent_losses, progress.first_losses
            )
            result.history, result.chosen_update = state["history"], state["chosen_update"]
            result.goes = state.get("goes", [])
        result.goes.append(
            {
                "after_update": progress.done,
                "started": now(),
                **revision()._asdict(),
            }
        )

        def save() -> None:
            progress.watched(self.divergence)
            state = {
                "update": progress.done,
                "step": self.step.state(),
                "progress": vars(progress),
                "history": result.history,
                "chosen_update": result.chosen_update,
                "goes": result.goes,
            }
            save_checkpoint(checkpoint, state, fingerprint)

        begin = saved_at = time.perf_counter()
        bar = tqdm(
            total=self.n_updates,
            initial=progress.done,
            desc=label,
            unit="update",
            mininterval=0.5 if sys.stderr.isatty() else 15.0,
            disable=not self.processes.is_main,
        )
        tracked = tracking(
            events if self.processes.is_main else None, progress.done, self.n_updates
        )
        with bar, tracked as writer, stop_requests() as stop:
            for update in range(progress.done, self.n_updates):
                positions = self.order[update]
                terms, rate = self._update(update, positions)
                progress.add(terms)
                result.updates_done_here += 1
                result.frames_seen_here += len(positions) + self._n_beside(update)
                bar.update()
                if writer:
                    writer.add_update(update + 1, terms, rate)
                if update + 1 in self.validate_after and self.processes.is_main:
                    result.training_seconds += time.perf_counter() - begin
                    row, loss = self._validate()
                    result.history.append(
                        {
                            "update": update + 1,
                            "epoch": (update + 1) / self.order.per_epoch,
                            "learning_rate": rate,
                            **progress.take_means(),
                            **row,
                            "seconds": round(bar.format_dict["elapsed"], 3),
                        }
                    )
                    if writer:
                        writer.add_validation(result.history[-1])
                    if loss <= progress.best_loss or not len(self.validation_indices):
                        result.chosen_update = update + 1
                        self._keep(progress, loss)
                    begin = time.perf_counter()
                if update + 1 in self.validate_after and self._any_wants(self._enough(result)):
                    break
                stopping = self._any_wants(stop.came)
                if stopping and update + 1 < self.n_updates:
                    if self.processes.is_main:
                        save()
                    raise StudyError(
                        f"stopped on request (SIGTERM) after update {update + 1} of "
                        f"{self.n_updates}; the checkpoint {checkpoint} lets the same command go on"
                    )
                if self.processes.is_main and time.perf_counter() - saved_at > CHECKPOINT_SECONDS:
                    save()
                    saved_at = time.perf_counter()
        self._take_best(progress, result)
        return result

    def _keep(self, progress: Progress, loss: float) -> None:
        """Take the weights as they are for the best."""
        progress.best_loss = loss
        # A copy: the weights go on changing.
        progress.best = copy.deepcopy(self.kept.state_dict())
        progress.best_source = self.step.source_weights()

    def _take_best(self, progress: Progress, result: TrainingResult) -> None:
        """Give the model the weights that were kept."""
        result.last_update = progress.done
        if progress.best is not None:
            self.model.load_state_dict(progress.best)
            result.source_weights = progress.best_source

    def _resume(self, checkpoint: Path, fingerprint: Mapping, label: str) -> dict | None:
        """Return the state to go on from, the same in all processes."""
        if self.processes.is_main:
            copies().fetch(checkpoint)
            state, line = load_checkpoint(checkpoint, fingerprint)
            print(f"{label}: {line}", file=sys.stderr)
        # A checkpoint that process 0 refuses is gone when the others look.
        self._any_wants(False)
        if not self.processes.is_main:
            state, _ = load_checkpoint(checkpoint, fingerprint)
        return state

    def _update(self, update: int, positions: np.ndarray) -> tuple[dict[str, float], float]:
        """Do one optimiser update; return the loss and its terms, and the learning rate."""
        rate = learning_rate(update, self.n_updates, self.options)
        upcoming = None
        # In this order: an epoch's batches are made when its first is asked for.
        frames = self._frames(update)
        if update + 1 < self.n_updates and self.device.type != "cpu":
            upcoming = self._frames(update + 1)
        alone = update < updates_of_references(self.n_updates, self.options)
        gradient, terms = self.step.gradient(frames, upcoming, references_alone=alone)
        if fault := self.divergence.fault(terms["train_loss"], terms["gradient_norm"]):
            names = self.data.frame_ids(positions)
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            raise DivergedError(
                f"{fault}, at update {update + 1} on frames {', '.join(names[:8])}{more}. Look at "
                "the labels of these frames, or lower learning_rate or clip_gradient_norm"
            )
        self.step.apply(gradient, terms["gradient_norm"], update, rate, references_alone=alone)
        return terms, rate

    def _frames(self, update: int) -> Frames:
        """Return the frames of an update, the companion's with them."""
        own = self.data.training_indices[self.order[update]]
        if self.order_beside is None:
            return own
        return Chosen(own, self.data.companion.training[self.order_beside[update]])

    def _n_beside(self, update: int) -> int:
        return 0 if self.order_beside is None else len(self.order_beside[update])

    def _enough(self, result: TrainingResult) -> bool:
        """Return whether as many validations as ``patience`` allows brought nothing better."""
        patience = self.options.patience
        if patience is None or not len(self.validation_indices):
            return False
        return sum(row["update"] > result.chosen_update for row in result.history) >= patience

    def _any_wants(self, stop: bool) -> bool:
        """Return whether any process was asked to stop: then all stop after the same update."""
        if self.processes.size == 1:
            return stop
        return bool(self.processes.all_reduce(torch.tensor(float(stop), device=self.device)).item())

    def _validate(self) -> tuple[dict[str, float], float]:
        """Return the validation columns of a history row, and the validation loss."""
        indices = self.validation_indices
        if not len(indices):
            return {}, math.inf
        with self.judge.cores():
            return self._validate_on(indices)

    def _validate_on(self, indices: np.ndarray) -> tuple[dict[str, float], float]:
        sums, weights = ErrorSums(), self.options.weights
        loss, n_frames = 0.0, 0
        for chosen in self.data.validation.chunks(indices):
            batch: GraphBatch = self.data.validation.batch(chosen, self.device)
            prediction = self.judge(batch, create_graph=False)
            sums.add(prediction, batch)
            labelled = self.data.validation.labelled(chosen)
            # a property counts by the frames that have it, so that each has the weight it is given
            terms = {
                name: term * float(labelled[name].mean() / self._shares[name])
                for name, term in loss_terms(prediction, batch, self.options).items()
                if self._shares[name]
            }
            loss += total_loss(terms, weights).item() * len(chosen)
            n_frames += len(chosen)
        errors = sums.errors()
        columns = dict(zip(PROPERTIES, VALIDATION_COLUMNS, strict=True))
        row = {columns[name]: error.mae for name, error in errors.items()}
        row |= self._follow_companion()
        return {"validation_loss": loss / n_frames, **row}, loss / n_frames

    def _follow_companion(self) -> dict[str, float]:
        """Return the companion's columns of a history row: what is seen and decides nothing."""
        if self._companion_validation is None:
            return {}
        store, indices = self._companion_validation
        with self.step.kept_at_source():
            errors = evaluate(self.judge, store, indices, self.device)
        return {
            column: errors[name].mae for name, column in COMPANION_COLUMNS.items() if name in errors
        }

"""One update: predictions, loss and gradient of a batch, and what they do to the weights."""

import copy
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn

from rungs.config.training import Training
from rungs.errors import StudyError
from rungs.graphs.batch import GraphBatch
from rungs.graphs.store import GraphStore
from rungs.potentials.models import potential_of
from rungs.potentials.potential import Prediction
from rungs.potentials.properties import PROPERTIES
from rungs.potentials.references import references_of
from rungs.potentials.registry import trained_architecture_of
from rungs.training.adam import Adam, Piece
from rungs.training.adapters import LowRank
from rungs.training.batches import BatchMaker, Joined, own_of
from rungs.training.changes import Anchor, Changes
from rungs.training.companion import Beside, Frames
from rungs.training.distributed import SINGLE_PROCESS, Processes
from rungs.training.fidelity import SourceWeights
from rungs.training.loss import label_counts, loss_terms, loss_terms_of_two, total_loss
from rungs.training.parameter_vector import FlatParameters


class Step:
    """Updates a network in place, and the average of its weights beside it.

    Args:
        model: on ``device`` already; what of it is to be trained requires gradients.
        store: the frames that batches are taken from.
        options: the loss, the optimiser and its settings.
        device: that the batches go to.
        processes: the processes that share each batch.
        companion: frames of the other level that take part.
        changes: what of the network a method lets change, and how far.
    """

    def __init__(
        self,
        model: nn.Module,
        store: GraphStore,
        options: Training,
        device: torch.device,
        processes: Processes = SINGLE_PROCESS,
        companion: Beside | None = None,
        changes: Changes | None = None,
    ) -> None:
        self.model = model
        self.companion = companion
        self.options = options
        self.device = device
        self.processes = processes
        self.n_parts = options.accumulation_steps
        self._halved = False
        torch.set_float32_matmul_precision("high" if options.tf32 else "highest")
        self.flat = FlatParameters(model, last=references_of(model).parameters())
        self.potential = potential_of(model, compiled=options.compiled, flat=self.flat)
        # What is validated and kept: the average of the weights, or the weights themselves.
        self.kept, average = model, None
        if options.averaging:
            self.kept = copy.deepcopy(model)
            average = FlatParameters(self.kept, last=references_of(self.kept).parameters())
        changes = changes or Changes()
        self.adapters, self._average = None, average and average.vector
        pieces = _pieces(model, self.flat, options)
        if changes.adapters is not None:
            self.adapters = LowRank(model, self.flat, changes.adapters, changes.seed)
            of_references = [(part, piece) for part, piece in pieces if part == "references"]
            own = Piece(self.adapters.n_adapters, options.weight_decay)
            pieces = [("adapters", own), *of_references]
        self.source = None
        if companion is not None and companion.fidelity != "shared":
            self.source = SourceWeights(
                model,
                self.flat,
                companion.fidelity,
                decoupled=options.optimizer == "AdamW",
                compiled=options.compiled,
            )
        self._batches = BatchMaker(
            store, companion and companion.store, device, processes, joins=self.source is None
        )
        self._of_source: Tensor | None = None
        self._anchor = None
        if changes.anchor:
            self._anchor = Anchor(self.flat, changes.anchor)
        self.optimizer = Adam(
            self.flat.vector if self.adapters is None else self.adapters.vector,
            [piece for _, piece in pieces],
            # Of the network's weights: an average of products is no product of averages.
            average=self._average if self.adapters is None else None,
            decoupled=options.optimizer == "AdamW",
            compiled=options.compiled,
        )
        self._of_references = [part == "references" for part, _ in pieces]

    def gradient(
        self,
        frames: Frames,
        upcoming: Frames | None = None,
        *,
        references_alone: bool = False,
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the (P,) gradient of the loss on ``frames``, with a companion also of its own (see
        :class:`Chosen`); the loss, its terms for what the
        frames are labelled with, and the norm. With ``references_alone`` the gradient with respect
        to the network is 0.

        While a GPU works on them, the batch of the frames ``upcoming`` is put together.

        The batch is worked through in ``n_parts`` parts with about as many rows each, one after
        the other. Where memory runs out, they are halved once.

        Raises:
            StudyError: when memory does not suffice even so.
        """
        try:
            with self.potential.cores():
                return self._gradient(frames, upcoming, references_alone)
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
        # The error is gone here, and with it what it held in memory.
        largest = -(-len(own_of(frames)) // self.n_parts)
        if self._halved or largest == 1:
            raise StudyError(
                f"the device has no memory for {largest} frames at once; lower batch_size, raise "
                f"accumulation_steps (now {self.n_parts}), or take a smaller network or cutoff"
            )
        self._halved = True
        self.n_parts = min(len(own_of(frames)), 2 * self.n_parts)
        print(
            f"out of memory with {largest} frames at once: batches go in {self.n_parts} parts from "
            "here on, which changes no result; "
            f"`accumulation_steps: {self.n_parts}` says so from the start",
            file=sys.stderr,
        )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        with self.potential.cores():
            return self._gradient(frames, upcoming, references_alone)

    def _gradient(
        self, frames: Frames, upcoming: Frames | None, references_alone: bool
    ) -> tuple[Tensor, dict[str, float]]:
        batches, others = self._batches.take(frames, upcoming, self.n_parts)
        names = [name for name in PROPERTIES if getattr(self.options.weights, name) > 0]
        work = self._on_joined if isinstance(others, Joined) else self._on_parts
        gradient, sums, counts = work(batches, others, names, references_alone)
        self.processes.all_reduce(gradient)
        if self._anchor is not None:
            sums[0] += self._anchor.pull(gradient) / self.processes.size
        if self.adapters is not None:
            gradient = self.adapters.pull(gradient)
        norm = torch.linalg.vector_norm(gradient)
        if self.source is not None:
            self.processes.all_reduce(self._of_source)
            norm = torch.hypot(norm, torch.linalg.vector_norm(self._of_source))
        labelled = torch.stack([counts[name] for name in names])
        # one transfer from the device, not one for each number
        values = torch.cat([self.processes.all_reduce(sums), labelled, norm.view(1)]).tolist()
        loss, norm, beside = values[0], values[-1], values[1 + len(names)]
        found = zip(names, values[1 : 1 + len(names)], values[2 + len(names) :], strict=False)
        terms = {f"train_{name}_loss": term for name, term, n in found if n}
        if self.companion is not None:
            terms["train_companion_loss"] = beside
        return gradient, {"train_loss": loss, **terms, "gradient_norm": norm}

    def _on_joined(
        self, _: object, joined: Joined, names: list[str], references_alone: bool
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return what :meth:`_on_parts` does, of both levels in one evaluation."""
        batch, weights = joined.batch, self.options.weights
        prediction = self._predict(batch, references_alone)
        own, other, counts = loss_terms_of_two(prediction, batch, self.options, *joined[1:])
        beside = total_loss(other, weights)
        loss = total_loss(own, weights) * self.companion.factor(own=True)
        loss = loss + beside * self.companion.factor(own=False)
        gradient = self.flat.gradient(loss)
        sums = torch.stack([loss, *(own[name] for name in names), beside]).detach()
        return gradient, sums, counts

    def _on_parts(
        self,
        batches: list[GraphBatch],
        others: list[GraphBatch],
        names: list[str],
        references_alone: bool,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return the (P,) gradient, the loss with its terms and that of the companion, and how many
        labels of each property the own frames have."""
        weights = self.options.weights
        counts = label_counts(batches, self.device, self.processes)
        gradient = torch.zeros_like(self.flat.vector)
        sums = gradient.new_zeros(2 + len(names))
        counts_beside = None
        if self.companion is not None:
            counts_beside = label_counts(others, self.device, self.processes)
        self._of_source = None
        if self.source is not None:
            self._of_source = torch.zeros_like(self.source.vector)
        for batch, is_own in [*((b, True) for b in batches), *((b, False) for b in others)]:
            terms, loss, part = self._part(
                batch,
                counts if is_own else counts_beside,
                is_own=is_own,
                references_alone=references_alone,
            )
            gradient.add_(part)
            if is_own:
                own = [terms[name] for name in names]
                sums.add_(torch.stack([loss, *own, torch.zeros_like(loss)]).detach())
            else:
                sums[0] += loss.detach()
                sums[-1] += total_loss(terms, weights).detach()
        return gradient, sums, counts

    def _predict(self, batch: GraphBatch, references_alone: bool) -> Prediction:
        weights = self.options.weights
        wanted = {
            "forces": weights.force > 0,
            "stress": weights.stress > 0,
            "magmoms": weights.magmom > 0,
        }
        if not references_alone:
            return self.potential(batch, **wanted, create_graph=True)
        fixed = self.potential(batch, **wanted, reference=False, create_graph=False)
        return replace(fixed, energy=fixed.energy + self.potential.reference_energy(batch))

    def _part(
        self,
        batch: GraphBatch,
        counts: dict[str, Tensor],
        *,
        is_own: bool,
        references_alone: bool,
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Return the terms of the loss on a batch, its share of the whole loss, and the (P,)
        gradient of that share."""
        at_source = self.source is not None and not is_own
        with self.source.taken(self.flat.vector) if at_source else nullcontext():
            prediction = self._predict(batch, references_alone)
            terms = loss_terms(prediction, batch, self.options, counts)
            loss = total_loss(terms, self.options.weights)
            if self.companion is not None:
                loss = loss * self.companion.factor(own=is_own)
            gradient = self.flat.gradient(loss)
        if at_source:
            self._of_source.add_(self.source.pull(gradient))
        return terms, loss, gradient

    def apply(
        self,
        gradient: Tensor,
        norm: float,
        update: int,
        rate: float,
        *,
        references_alone: bool = False,
    ) -> None:
        """Clip ``gradient``, take the optimiser's step number ``update`` at ``rate``, average.

        Args:
            gradient: (P,), used up.
            norm: of the gradient.
            update: number of the step, from 0.
            rate: learning rate.
            references_alone: whether the network, and what the optimiser knows of it, stays.
        """
        limit = self.options.clip_gradient_norm
        # early on the average is short, so that the start is forgotten
        decay = min(self.options.averaging, (1 + update) / (10 + update))
        scale = 1.0 if limit is None else min(1.0, limit / (norm + 1e-6))
        with self.potential.cores():
            if self.source is not None:
                self.source.step(self._of_source, rate, scale, decay)
            self.optimizer.step(
                gradient,
                rate,
                scale=scale,
                decay=decay,
                only=self._of_references if references_alone else None,
            )
            if self.adapters is not None:
                self.adapters.push()
                if self._average is not None:
                    self._average.lerp_(self.flat.vector, 1 - decay)

    def kept_at_source(self) -> AbstractContextManager[None]:
        """Return a context in which what is kept has the source's weights, where it has any."""
        if self.source is None:
            return nullcontext()
        return self.source.taken(self._kept_vector, averaged=self._average is not None)

    def source_weights(self) -> dict[str, Tensor] | None:
        """Return those weights of what is kept that differ at the source, by name; None where the
        network does not tell the levels apart."""
        if self.source is None:
            return None
        averaged = self._average is not None
        return self.source.of_model(self._kept_vector, self.kept, averaged=averaged)

    @property
    def _kept_vector(self) -> Tensor:
        return self.flat.vector if self._average is None else self._average

    def state(self) -> dict:
        """Return what :meth:`restore` needs, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "kept": self.kept.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            **({} if self.adapters is None else {"adapters": self.adapters.vector}),
            **({} if self.source is None else {"source": self.source.state()}),
            "parts": self.n_parts,
        }

    def restore(self, state: dict) -> None:
        """Go on from ``state``."""
        self.model.load_state_dict(state["model"])
        self.kept.load_state_dict(state["kept"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.n_parts = state["parts"]
        if self.adapters is not None:
            self.adapters.vector.copy_(state["adapters"])
        if self.source is not None:
            self.source.restore(state["source"])


def _pieces(model: nn.Module, flat: FlatParameters, options: Training) -> list[tuple[str, Piece]]:
    """Return the pieces of the flat vector with the part of the network that each belongs to, as
    few as differ in what the optimiser does to them."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    part_of = trained_architecture_of(model).part_of
    pieces: list[tuple[str, Piece]] = []
    for parameter, size in zip(flat.parameters, flat.sizes, strict=True):
        part = part_of(names[id(parameter)])
        is_reference = part == "references"
        # Decay would pull reference energies of tens of eV towards 0.
        decay = 0.0 if is_reference else options.weight_decay
        piece = Piece(size, decay, getattr(options.learning_rate_factors, part))
        if pieces:
            before, last = pieces[-1]
            alike = last._replace(size=0) == piece._replace(size=0)
            if alike and (before == "references") == is_reference:
                pieces[-1] = before, last._replace(size=last.size + size)
                continue
        pieces.append((part, piece))
    return pieces


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        "can't allocate memory" in str(error)  # PyTorch's on the CPU
    )

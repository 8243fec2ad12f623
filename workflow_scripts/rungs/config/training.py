"""How a network is trained."""

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from rungs.config.options import (
    Fraction,
    NonNegativeFloat,
    Options,
    PositiveFloat,
    PositiveInt,
    UserPath,
)
from rungs.config.published import MODELS

TRUSTED = "pickle:"
"""Before the path of a pickled network that may be loaded."""
PICKLED = ".model"
"""The suffix of MACE's own files."""
_SUFFIXES = (".pt", ".pth", ".tar", PICKLED)
"""Of files that hold a model."""


class LossWeights(Options):
    """Weight of each property in the loss, on energies in eV/atom, forces in eV/Å, stresses in
    GPa and magnetic moments in μB. A property that a frame lacks does not count for that frame."""

    energy: NonNegativeFloat = 3.0
    """Of the energy error, in eV/atom."""
    force: NonNegativeFloat = 1.0
    """Of the errors of force components, in eV/Å."""
    stress: NonNegativeFloat = 0.1
    """Of the errors of stress components, in GPa."""
    magmom: NonNegativeFloat = 1.0
    """Of the errors of magnetic moments, in μB."""

    @model_validator(mode="after")
    def _something_is_learned(self) -> "LossWeights":
        if self.energy == self.force == self.stress == self.magmom == 0:
            raise ValueError("at least one loss weight must be above 0")
        return self


class RateFactors(Options):
    """Factors on the learning rate by part of the network. People keep what is general, the
    embeddings and the first layers, closer to the pretraining than what is fitted to a level of
    theory; whether it helps, a study says. At 0 a part stays as it was."""

    embeddings: NonNegativeFloat = 1.0
    """Of atoms, bonds and angles, with their basis functions."""
    convolutions: NonNegativeFloat = 1.0
    """Messages to atoms and bonds, and updates of angles."""
    readout: NonNegativeFloat = 1.0
    """What turns an atom's features into its energy and its magnetic moment."""
    references: NonNegativeFloat = 1.0
    """Reference energies, in methods that train them."""

    @model_validator(mode="after")
    def _something_is_trained(self) -> "RateFactors":
        if self.embeddings == self.convolutions == self.readout == 0:
            raise ValueError("at least one part of the network needs a factor above 0")
        return self


class Training(Options):
    """One training: its budget, its optimiser, its loss. Every run of a study with the same
    section sees the same schedule, whatever its subset size."""

    updates: PositiveInt | None = None
    """Budget as a number of optimiser updates."""
    epochs: PositiveFloat | None = None
    """Budget as passes over the frames at hand. With both budgets a training has the smaller one:
    a small subset is learnt by heart long before the updates that a large one needs."""
    batch_size: PositiveInt = 16
    """Frames in an update; a smaller subset is one batch."""
    balance_batches: bool = False
    """Whether an epoch's frames are shared among its batches by their size (atoms, bonds and
    angles), so that all batches cost the same, instead of at random. It pays where sizes differ
    much."""
    accumulation_steps: PositiveInt = 1
    """Parts that a batch is worked through in, one after the other, gradients added up: the
    same update with less memory."""
    processes: PositiveInt = 1
    """Processes that share each batch, each on a GPU of its own, or on a core where there is none.
    The same updates in less time, for batches that are large enough."""
    compiled: bool = True
    """Whether a network built by the machine's C++ compiler does the work on a CPU, where there is
    a compiler; otherwise the same formulas run in PyTorch."""
    tf32: bool = False
    """Whether a GPU may multiply matrices in TF32, with 10 bits of mantissa; nothing else changes.
    Check on your own frames that forces do not suffer."""
    optimizer: Literal["Adam", "AdamW"] = "Adam"
    """AdamW decays weights apart from the gradient (`weight_decay`)."""
    learning_rate: PositiveFloat = 1e-3
    """At its highest, after `warmup`; it then falls as a cosine to `final_learning_rate`."""
    learning_rate_factors: RateFactors = RateFactors()
    references_first: Fraction = 0.0
    """Share of the updates at the beginning in which the network stays as it is and the reference
    energies alone are trained, at the full `learning_rate`; the schedule begins after it. For
    methods with `train_reference`."""
    weight_decay: NonNegativeFloat = 0.0
    """L2 penalty (Adam) or decoupled decay (AdamW); it never touches reference energies."""
    warmup: Fraction = 0.05
    """Share of the updates over which the learning rate rises linearly."""
    final_learning_rate: Fraction = 0.01
    """Where the cosine ends, as a share of `learning_rate`."""
    loss: Literal["Huber", "MSE"] = "Huber"
    """Huber is quadratic for small errors and linear for large ones (`huber_delta`)."""
    huber_delta: PositiveFloat = 0.1
    """Where the Huber loss turns from quadratic to linear, in the units of each property."""
    weights: LossWeights = LossWeights()
    clip_gradient_norm: PositiveFloat | None = 1.0
    """Gradients are scaled down to this norm; null never clips."""
    stop_at_jump: PositiveFloat | None = 100.0
    """A loss this many times the median of the updates before it, and above those that the training
    began with, stops it and names the frames; null never stops. A loss that is no number always
    does."""
    averaging: Fraction = 0.99
    """Decay of the exponential average of the weights, which is what is validated and kept; early
    on it is lower, so that the start is forgotten. 0 keeps the weights themselves."""
    validations: PositiveInt = 10
    """How often, evenly spaced, the validation error is measured; the best weights are kept."""
    patience: PositiveInt | None = None
    """End a training after this many validations in a row that brought no better weights; null
    always spends the whole budget. The learning rate falls with the budget, so a patience of one
    may miss what its end would have brought. Without validation frames it has no effect."""

    @model_validator(mode="after")
    def _has_a_budget(self) -> "Training":
        if self.updates is None and self.epochs is None:
            raise ValueError("give a budget: updates, epochs, or both (the smaller one counts)")
        return self


class Pretraining(Options):
    """Where `initial: pretrained` methods start."""

    initial: UserPath = "random"
    """`random`, a published CHGNet (`0.3.0`, `0.2.0`, `r2scan`), or the path of a file: of a
    CHGNet, of a model of this workflow, or MACE's own (`.model`, see `trust_pickle`)."""
    trust_pickle: bool = False
    """Whether a `.model` file may be loaded. It is a pickle: loading it runs whatever is in it, so
    only for files whose maker you trust."""
    training: Training | None
    """Training on the source frames; null takes the published model as it is."""

    @property
    def start(self) -> str:
        """What :func:`rungs.potentials.models.load_initial` loads: ``initial``, marked where it is
        a pickle that is trusted."""
        return f"{TRUSTED}{self.initial}" if self.is_pickle else self.initial

    @property
    def is_pickle(self) -> bool:
        """Whether it starts from one of MACE's own files."""
        return Path(self.initial).suffix == PICKLED

    @property
    def is_published(self) -> bool:
        """Whether it starts from one of chgnet's own networks."""
        return self.initial in MODELS

    @model_validator(mode="after")
    def _initial_is_known(self) -> "Pretraining":
        name = self.initial
        if self.is_pickle and not self.trust_pickle:
            raise ValueError(
                f"initial: {name} is a pickle, and loading it runs whatever is in it; if you trust "
                "who made it, say so with `trust_pickle: true`"
            )
        is_path = "/" in name or Path(name).suffix in _SUFFIXES or Path(name).is_file()
        if not is_path and name not in ("random", *MODELS):
            raise ValueError(
                f"initial: there is no published CHGNet '{name}'; take `random`, one of "
                f"{', '.join(MODELS)}, or the path of a CHGNet file"
            )
        return self

"""A method of transfer is data: what a run starts from and what it may change."""

from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from rungs.config.architectures import LayerGroup
from rungs.config.options import (
    Fraction,
    Name,
    NonNegativeFloat,
    Options,
    PositiveFloat,
    PositiveInt,
    Sampling,
)
from rungs.config.tuning import TrainingChanges, nearest_size

ReferenceRule = Literal["target", "shrunken", "residual", "shrunken_residual"]
"""Ways of fitting the target's reference energies to target frames."""
RULES_OF_RESIDUALS = ("residual", "shrunken_residual")
"""Those that need a pretrained model."""
Reference = Literal["source", "isolated_atoms"] | ReferenceRule
NOT_FITTED = ("source", "isolated_atoms")
"""Reference energies that no frame's energy enters."""


RECIPE_KEYS = {"training", "training_by_size"}
"""Those that say how a method is trained, not what it is."""
SubsetSize = Annotated[int, Field(gt=0, strict=False)]
"""Also as text, which keys in JSON are."""


class Companion(Options):
    """Source frames that a method trains on beside the target's: co-training from random weights,
    replay from pretrained ones. Each level keeps its own reference energies; the number of updates
    and of frames in each is that of the other methods."""

    frames: PositiveInt | None = None
    """How many of the source's training frames, a random subset that is the same for all seeds and
    nested for several numbers; null takes them all."""
    share: Fraction = 0.5
    """Of the frames in each batch, and of the loss: the target's have the rest. 0 is plain
    fine-tuning."""
    weight: PositiveFloat = 1.0
    """Factor on the loss of the source's frames, on top of their share."""
    fidelity: Literal["shared", "embedding", "heads"] = "shared"
    """How the network tells the levels apart, besides their reference energies: `shared`, not at
    all; `embedding`, by a vector that is added to the embedding of every element; `heads`, by a
    readout of its own for each level. The result is a plain model of the target."""
    labels: Literal["source", "model"] = "source"
    """`source` learns their own labels. `model` learns what the pretrained model says of them
    (pseudolabels), which needs their structures alone."""


class Adapters(Options):
    """Low-rank adapters (LoRA): of each linear layer only a change of small rank is trained. It is
    merged into the network, whose files are as ever."""

    rank: PositiveInt = 4
    """Of the change of each layer."""
    alpha: PositiveFloat | None = None
    """The change is multiplied by `alpha` / `rank`; null takes the rank, a factor of 1."""
    layers: list[LayerGroup] = []
    """Groups of layers that have adapters; all others stay as they are. Empty: all groups."""


class Method(Options):
    """One way of getting from the pretrained model and N target frames to a target model."""

    initial: Literal["random", "pretrained"]
    """Weights at the start: drawn at random (by the run's seed) or those of the pretraining."""
    model: Name | None = None
    """A section of `models`, or a list of them: the method then stands for one with each, of the
    name METHOD_MODEL, and so it does with all of them where null. Null in a study without."""
    pretraining_size: Annotated[int, Field(ge=1)] | None = None
    """Source training frames that the pretrained model has seen: a random subset, nested for
    several sizes and the same for all seeds; null takes them all. Methods that differ in nothing
    else get a law in both sizes."""
    reference: Reference
    """Elemental reference energies: those of the `source`, or fitted to target frames, by least
    squares (`target`), as a shrunken shift of the source's that is safe for elements which few or
    no frames have (`shrunken`), or by either to what the pretrained model leaves of the energies
    (`residual`, `shrunken_residual`). `isolated_atoms` fits nothing: from random weights they are
    the energies of the target's isolated atoms, and from pretrained ones the source's references,
    changed by what isolated atoms change from source to target."""
    train_reference: bool = False
    """Whether the reference energies are trained along with the network."""
    reference_fitted_on: Literal["training", "subset"] = "training"
    """Target frames that reference energies are fitted on: the whole training part
    (as in the GGA to r2SCAN paper) or only the run's own subset (what a person with N
    calculations has)."""
    copy_embedding: dict[str, str] | None = None
    """Elements that start from another element's embedding, e.g. `{Ge: Si}`. Needed where the
    source lacks an element of the target; `{}` then starts from its untrained embedding."""
    training: TrainingChanges | None = None
    """Keys of `fine_tuning` that are others for this method, e.g. `{learning_rate: 1.0e-3}`. A
    comparison of methods is one of their best recipes, which `tuning` searches for."""
    training_by_size: dict[SubsetSize, TrainingChanges] = {}
    """The same by subset size, on top of `training`: `{10: {learning_rate: 3.0e-3}, 1000:
    {learning_rate: 1.0e-3}}`. A run takes the keys of the nearest size, in the logarithm.
    `tables/recipes.yaml` of a tuned study has these lines."""
    freeze: list[LayerGroup] = []
    """Parts of the network that stay as the pretraining left them (with copied embeddings)."""
    adapters: Adapters | None = None
    """Train low-rank adapters in place of the network's weights; null trains the weights."""
    anchor: NonNegativeFloat = 0.0
    """Strength λ of a pull towards the weights at the start (L2-SP): λ/2 times the squared distance
    of the network's weights from them is added to the loss. Reference energies are free."""
    delta: bool = False
    """Delta learning: the pretrained network stays as it is, and a second one of the same
    architecture learns, from random weights, what it leaves of the target's labels. The result is
    the sum of two networks."""
    companion: Companion | None = None
    """Source frames to train on beside the target's; null trains on the target's alone."""
    pool: Name | None = None
    """A section of `pools`: subsets are drawn from its frames only, and reference energies that are
    fitted on the training part are fitted on it; null takes the whole training part."""
    sizes: list[Annotated[int, Field(ge=0)]] | None = None
    """Subset sizes of this method; null takes all of `subsets.sizes`."""
    seeds: list[Annotated[int, Field(ge=0)]] | None = None
    """Seeds of this method; null takes all of `subsets.seeds`."""
    sampling: Sampling | None = None
    """How this method's subsets are drawn; null takes `subsets.sampling`."""

    @model_validator(mode="after")
    def _consistent(self) -> "Method":
        if self.copy_embedding and self.initial == "random":
            raise ValueError("copy_embedding needs `initial: pretrained`")
        if self.pretraining_size and self.initial == "random":
            raise ValueError("pretraining_size needs `initial: pretrained`")
        if self.freeze and self.initial == "random":
            raise ValueError("freeze needs `initial: pretrained`: random weights are to be trained")
        if self.companion is not None and self.train_reference:
            raise ValueError(
                "companion: each level keeps its reference energies, so train_reference has to be "
                "false"
            )
        if self.initial == "random" and (self.adapters is not None or self.anchor):
            key = "anchor" if self.anchor else "adapters"
            raise ValueError(f"{key} needs `initial: pretrained`: random weights are to be trained")
        self._delta_goes_alone()
        if self.adapters is not None and self.anchor:
            raise ValueError("anchor and adapters both hold the weights; take one of them")
        told_apart = self.companion is not None and self.companion.fidelity != "shared"
        if told_apart and self.adapters is not None:
            raise ValueError(
                f"companion.fidelity: {self.companion.fidelity} and adapters do not go together; "
                "take `fidelity: shared`"
            )
        pseudolabels = self.companion is not None and self.companion.labels == "model"
        if pseudolabels and self.initial == "random":
            raise ValueError(
                "companion.labels: model needs `initial: pretrained`: random weights know no labels"
            )
        if self.reference in NOT_FITTED and self.reference_fitted_on == "subset":
            raise ValueError(
                "reference_fitted_on: subset needs a `reference` that is fitted: "
                + ", ".join(get_args(ReferenceRule))
            )
        if self.reference in RULES_OF_RESIDUALS and self.initial == "random":
            raise ValueError(f"reference: {self.reference} needs `initial: pretrained`")
        return self

    def _delta_goes_alone(self) -> None:
        if not self.delta:
            return
        if self.initial == "random":
            raise ValueError(
                "delta needs `initial: pretrained`: it learns what a pretrained network leaves"
            )
        if self.companion is not None:
            raise ValueError(
                "companion and delta do not go together: the second network learns a difference "
                "of levels, which frames of the source do not have; leave one of them out"
            )
        held = {"freeze": self.freeze, "adapters": self.adapters, "anchor": self.anchor}
        for key in (key for key, value in held.items() if value):
            raise ValueError(
                f"{key} and delta do not go together: the pretrained network stays as it is, and "
                "the second one starts from random weights; leave one of them out"
            )

    @property
    def has_companion(self) -> bool:
        """Whether source frames take part in its training."""
        return self.companion is not None and self.companion.share > 0

    def changes(self, size: int) -> list[TrainingChanges]:
        """Return what is changed of `fine_tuning` for a subset of a size, one after the other."""
        found = [] if self.training is None else [self.training]
        if self.training_by_size and size:
            found.append(self.training_by_size[nearest_size(size, [*self.training_by_size])])
        return found

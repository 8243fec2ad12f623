"""A method of transfer is data: what a run starts from and what it may change."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.options import Options, Sampling


class Method(Options):
    """One way of getting from the pretrained model and N target frames to a target model."""

    initial: Literal["random", "pretrained"]
    """Weights at the start: drawn at random (by the run's seed) or those of the pretraining."""
    reference: Literal["source", "target"]
    """Elemental reference energies: those fitted to the source, or fitted to the target."""
    train_reference: bool = False
    """Whether the reference energies are trained along with the network."""
    reference_fitted_on: Literal["training", "subset"] = "training"
    """Target frames that the target's reference energies are fitted on: the whole training part
    (as in the GGA to r2SCAN paper) or only the run's own subset (what a person with N
    calculations has)."""
    copy_embedding: dict[str, str] = {}
    """Elements that start from another element's embedding, e.g. `{Ge: Si}`."""
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
        if self.reference == "source" and self.reference_fitted_on == "subset":
            raise ValueError("reference_fitted_on: subset needs `reference: target`")
        return self

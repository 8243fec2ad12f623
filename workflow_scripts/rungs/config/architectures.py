"""Networks that start from random weights: their kinds and sizes."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from rungs.config.options import Options, PositiveFloat, PositiveInt

CHGNET_GROUPS = (
    "atom_embedding",
    "bond_embedding",
    "angle_embedding",
    "first_atom_convolution",
    "last_atom_convolution",
    "first_bond_convolution",
    "last_bond_convolution",
    "first_layer_of_the_mlp",
    "atom_convolutions",
    "bond_convolutions",
    "angle_updates",
    "readout",
)
MACE_GROUPS = (
    "atom_embedding",
    "first_interaction",
    "last_interaction",
    "interactions",
    "products",
    "readout",
)


class CHGNetArchitecture(Options):
    """Size of a CHGNet that starts from random weights; the keys are CHGNet's own."""

    kind: Literal["chgnet"] = "chgnet"
    atom_fea_dim: PositiveInt = 64
    """Features of an atom."""
    bond_fea_dim: PositiveInt = 64
    """Features of a bond."""
    angle_fea_dim: PositiveInt = 64
    """Features of an angle."""
    atom_conv_hidden_dim: PositiveInt = 64
    """Width of the hidden layer in the messages to atoms."""
    bond_conv_hidden_dim: PositiveInt = 64
    """Width of the hidden layer in the messages to bonds."""
    mlp_hidden_dims: Annotated[list[PositiveInt], Field(min_length=1)] = [64, 64, 64]
    """Widths of the layers that turn an atom's features into its energy."""
    n_conv: Annotated[int, Field(ge=2)] = 4
    """Interaction blocks; the last one updates atoms only."""
    num_radial: PositiveInt = 31
    """Radial basis functions of a bond's length."""
    num_angular: PositiveInt = 31
    """Fourier basis functions of an angle; an odd number."""
    atom_graph_cutoff: PositiveFloat = 6.0
    """Å; atoms closer than this are joined by a bond."""
    bond_graph_cutoff: PositiveFloat = 3.0
    """Å; two bonds shorter than this that share an atom make an angle."""
    cutoff_coeff: PositiveInt = 8
    """Exponent of the envelope that takes the radial basis to 0 at the cutoffs; a larger one falls
    later."""

    @property
    def cutoffs(self) -> tuple[float, float]:
        """Of bonds and of angles, in Å."""
        return self.atom_graph_cutoff, self.bond_graph_cutoff

    @model_validator(mode="after")
    def _angular_is_odd(self) -> "CHGNetArchitecture":
        if self.num_angular % 2 != 1:
            raise ValueError(f"num_angular must be odd, got {self.num_angular}")
        if self.bond_graph_cutoff > self.atom_graph_cutoff:
            raise ValueError("bond_graph_cutoff must not exceed atom_graph_cutoff")
        return self


class MACEArchitecture(Options):
    """Size of a MACE that starts from random weights; the keys are MACE's own. Needs the extra
    `mace`. It has no magnetic moments, and knows the elements of the study's frames alone."""

    kind: Literal["mace"]
    num_channels: PositiveInt = 64
    """Features of an atom, of each rank up to `max_L`."""
    max_L: Annotated[int, Field(ge=0, le=3)] = 0
    """Highest rank of what atoms pass on: 0 scalars, 1 vectors too."""
    max_ell: Annotated[int, Field(ge=1, le=4)] = 3
    """Highest rank of the spherical harmonics of bond directions."""
    correlation: Annotated[int, Field(ge=1, le=4)] = 3
    """Neighbours that a product joins at once; 3 makes four-body terms."""
    num_interactions: Annotated[int, Field(ge=1, le=4)] = 2
    """Layers of messages."""
    r_max: PositiveFloat = 5.0
    """Å; atoms closer than this are joined by a bond."""
    num_radial_basis: PositiveInt = 8
    """Bessel functions of a bond's length."""
    num_cutoff_basis: PositiveInt = 5
    """Exponent of the envelope that takes them to 0 at `r_max`."""
    MLP_channels: PositiveInt = 16
    """Width of the last readout's hidden layer."""
    radial_MLP: Annotated[list[PositiveInt], Field(min_length=1)] = [64, 64, 64]
    """Widths of the layers that turn radial functions into weights of messages."""

    @property
    def cutoffs(self) -> tuple[float, float]:
        """Of bonds and of angles, of which it has none, in Å."""
        return self.r_max, 0.0


def _with_kind(value: object) -> object:
    return {"kind": "chgnet", **value} if isinstance(value, dict) else value


AnyArchitecture = Annotated[
    Annotated[CHGNetArchitecture | MACEArchitecture, Field(discriminator="kind")],
    BeforeValidator(_with_kind),
]
"""A kind of network with its size; CHGNet's where `kind` is not given."""
LayerGroup = Literal[(*dict.fromkeys([*CHGNET_GROUPS, *MACE_GROUPS]),)]
"""Parts of the network that a method can keep as they are."""
GROUPS = {"chgnet": CHGNET_GROUPS, "mace": MACE_GROUPS}
MOMENTS = {"chgnet": True, "mace": False}
"""Whether networks of a kind predict magnetic moments."""
SUM = "delta"
"""What files and records call two networks that add up, which no configuration asks for by kind."""
OWN_FILES = {"mace"}
"""Kinds whose own packages read other files than a study's models are."""
EXTRAS = {"mace": "mace"}
"""The extra of this package that networks of a kind need, where they need one."""


def architecture_options(section: dict | None) -> AnyArchitecture | None:
    """Return the options in a section ``architecture``; None where there is none."""
    return section and TypeAdapter(AnyArchitecture).validate_python(section)

"""Classical potentials of the literature, and molecular dynamics with them."""

from rungs.classical.potentials import POTENTIALS, calculator, crystal

__all__ = ["POTENTIALS", "calculator", "crystal"]

"""What is asked of the learning curves once they are there."""

from rungs.config.options import Options, PositiveFloat, PositiveInt


class Plan(Options):
    """Questions that `tables/plan.csv` answers; `rungs plan` asks others afterwards."""

    target_energy_mae: PositiveFloat | None = None
    """Mean absolute error of the energy that is wanted, in meV/atom. null asks for the one that
    training from scratch reaches with all frames."""
    target_force_mae: PositiveFloat | None = None
    """Mean absolute error of the force components that is wanted, in meV/Å; null as above."""
    budget: PositiveInt | None = None
    """Target frames that can be paid for; null asks about the second largest size."""
    more: PositiveInt | None = None
    """Frames on top of the budget, whose gain is asked for. null takes 1,000, or, without a budget,
    those up to the largest size."""

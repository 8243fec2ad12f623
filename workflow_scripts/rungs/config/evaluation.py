"""What is measured of the finished runs."""

from typing import Literal

from rungs.config.options import Options


class Evaluation(Options):
    """What is measured of the finished runs."""

    source_test: bool | None = None
    """Measure every run on the source's own test frames too, to see what fine-tuning made the model
    forget. It takes as long as the evaluation on the target's test frames and needs the source's
    graphs. null: where the study pretrains, and so has these graphs anyhow."""
    competing_phases: Literal["all", "test"] = "all"
    """The materials that a test compound may decompose into, and whose elemental phases its
    formation energy is taken from, in Table 1. all: every material of the target level, in the
    training, validation or test part; the models of each method's largest size then predict those
    outside the test part too, a frame for each that competes. test: test materials alone, with
    which most formation and decomposition energies are undefined unless there are many of them. The
    compounds judged are test materials either way."""

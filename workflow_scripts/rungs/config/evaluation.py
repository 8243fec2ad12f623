"""What is measured of the finished runs."""

from rungs.config.options import Options


class Evaluation(Options):
    """What is measured of the finished runs."""

    source_test: bool | None = None
    """Measure every run on the source's own test frames too, to see what fine-tuning made the model
    forget. It takes as long as the evaluation on the target's test frames and needs the source's
    graphs. null: where the study pretrains, and so has these graphs anyhow."""

"""Models of two studies, compared weight by weight."""

from pathlib import Path

import torch

from rungs.potentials.model_files import load_weights
from rungs.records.comparison.files import FileDifference


def compare_models(first: Path, second: Path, name: str) -> FileDifference | None:
    """Return how two models differ; None where all weights are the same.

    Raises:
        StudyError: for a file that is no CHGNet, or damaged.
    """
    a, b = load_weights(first), load_weights(second)
    if {k: v.shape for k, v in a.items()} != {k: v.shape for k, v in b.items()}:
        return FileDifference(name, "networks of different architecture")
    gaps = {
        key: float((a[key].double() - b[key].double()).abs().max())
        for key in a
        if not torch.equal(a[key], b[key])
    }
    if not gaps:
        return None
    worst = max(gaps, key=gaps.get)
    how = f"{len(gaps)} of {len(a)} weights differ, {worst} by up to {gaps[worst]:.2g}"
    return FileDifference(name, how, gaps)

"""Importing CHGNet's model without what its package brings along."""

from contextlib import AbstractContextManager

from rungs.potentials.stand_ins import stand_ins

_PACKAGES = {"chgnet.model": None, "chgnet.utils": "chgnet.utils.common_utils"}


def chgnet_model_only() -> AbstractContextManager[None]:
    """Let modules of ``chgnet.model`` be imported without the first lines of chgnet's packages:
    molecular dynamics, optimisers, equations of state, pyplot and the parsers of VASP's output."""
    return stand_ins(_PACKAGES)

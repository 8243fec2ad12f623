"""Which CHGNet models the batched evaluation covers."""

from torch import nn

from rungs.errors import StudyError
from rungs.potentials.chgnet.lean_import import chgnet_model_only


def refuse_unsupported(model: nn.Module) -> None:
    """Raise unless :class:`rungs.potentials.chgnet.forward.BatchedCHGNet` covers ``model``.

    Covered is every CHGNet that sums energies of atoms, without dropout, with layer normalisation
    or none in its gated networks: the published models, and any size of them.

    Raises:
        StudyError: naming the feature that is not covered.
    """
    if fault := _fault(model):
        raise StudyError(
            f"this CHGNet {fault}, which Rungs does not support; use a model with CHGNet's "
            "standard architecture (any size)"
        )


def _fault(model: nn.Module) -> str | None:
    with chgnet_model_only():
        from chgnet.model.composition_model import AtomRef
        from chgnet.model.functions import MLP

    reference = model.composition_model
    if reference is not None and not isinstance(reference, AtomRef):
        return f"has a composition model of kind {type(reference).__name__}"
    if reference is not None and not reference.fitted:
        return "has reference energies that were never fitted"
    if not model.is_intensive or (reference is not None and not reference.is_intensive):
        return "predicts total energies (is_intensive: False)"
    if not model.mlp_first:
        return "pools atoms before its last network (mlp_first: False)"
    if not isinstance(model.mlp, MLP):
        return f"has a last network of kind {type(model.mlp).__name__}"
    if model.n_conv < 2:
        return "has fewer than two convolutions"
    if not isinstance(model.bond_conv_layers, nn.ModuleList):
        return "does not update bonds (update_bond: False)"
    if not isinstance(model.angle_layers, nn.ModuleList):
        return "does not update angles (update_angle: False)"
    for name, module in model.named_modules():
        if isinstance(module, nn.Dropout) and module.p > 0:
            return f"has dropout ({name})"
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            return f"has batch normalisation ({name})"
    for layers, norm in (
        (model.atom_conv_layers, "atom_norm"),
        (model.bond_conv_layers, "bond_norm"),
        (model.angle_layers, "angle_norm"),
    ):
        for layer in layers:
            if getattr(layer, norm) is not None:
                return f"normalises the result of its convolutions ({norm})"
            if not layer.resnet or not getattr(layer, "use_mlp_out", True):
                return "has convolutions without residual or output layer"
    if model.bond_basis_expansion.rbf_expansion_ag.smooth_cutoff is None:
        return "has no smooth cutoff"
    return None

"""Which methods of a study are different ways of using both levels, so that they are compared."""

from rungs.config.methods import Method
from rungs.config.study import Study


def plain_transfer(study: Study) -> str | None:
    """Return the first method that trains all of a pretrained network on target frames alone; None
    where there is none."""
    return next((name for name in study.on_learning_curve if _is_plain(study.methods[name])), None)


def strategies(study: Study) -> list[str]:
    """Return the methods that are strategies: plain fine-tuning and all that have its network,
    subsets and kind of reference energies, in the study's order.

    Empty where none of them holds on to the source by a companion, by adapters, by an anchor or by
    staying as it is under a second network.
    """
    plain = plain_transfer(study)
    if plain is None:
        return []
    alike = [name for name in study.on_learning_curve if _key(study, name) == _key(study, plain)]
    holding = [name for name in alike if _holds_on(study.methods[name])]
    return alike if holding else []


def _is_plain(method: Method) -> bool:
    return method.initial == "pretrained" and not _holds_on(method) and not method.freeze


def _holds_on(method: Method) -> bool:
    return bool(method.has_companion or method.adapters or method.anchor or method.delta)


def _key(study: Study, name: str) -> tuple:
    method = study.methods[name]
    return (
        method.model,
        method.reference,
        method.reference_fitted_on,
        method.train_reference,
        study.sampling(name),
        method.pool,
    )

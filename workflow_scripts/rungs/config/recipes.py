"""Whether the recipes that a study asks for are possible."""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from rungs.config.methods import Method
from rungs.config.tuning import TrainingChanges

if TYPE_CHECKING:
    from rungs.config.study import Study


def check_recipes(study: "Study") -> None:
    """Check what methods change of the fine-tuning.

    Raises:
        ValueError: naming the key that cannot be.
    """
    for network in study.networks:
        asked = network.pretraining.training
        if asked and (asked.references_first or asked.learning_rate_factors.references != 1):
            raise ValueError(
                f"{network.key}pretraining.training: reference energies are not trained in "
                "pretraining; leave out references_first and learning_rate_factors.references"
            )
    trained = {run.method for run in study.runs if run.size}
    for name, method in study.methods.items():
        given = [("training", method.training)] if method.training else []
        given += [(f"training_by_size.{n}", c) for n, c in method.training_by_size.items()]
        for key, changes in given:
            _check_changes(f"methods.{name}.{key}", changes, method)
        if given and name not in trained:
            key, changes = given[0]
            raise ValueError(
                f"methods.{name}.{key} has {', '.join(sorted(changes.model_fields_set))}, but the "
                "method trains nothing: its only size is 0; leave it out"
            )
        try:
            for size in {run.size for run in study.runs if run.method == name and run.size}:
                training = study.training_of(name, size)
                if method.has_companion and training.batch_size < 2:
                    raise ValueError(
                        f"methods.{name}.companion needs frames of both levels in each batch, but "
                        "its batch_size is 1; raise it"
                    )
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"methods.{name}.training: {problem}") from None


def _check_changes(key: str, changes: TrainingChanges, method: Method) -> None:
    if not method.train_reference and (
        changes.references_first or changes.learning_rate_factors.references != 1
    ):
        raise ValueError(
            f"{key}: references_first and learning_rate_factors.references need "
            "`train_reference: true`"
        )


def check_tuning(study: "Study") -> None:
    """Check what is searched for, where and by what.

    Raises:
        ValueError: naming the key that cannot be.
    """
    asked = study.tuning
    if asked is None:
        return
    if study.split.parts is None and study.split.validation == 0:
        raise ValueError(
            "tuning needs validation frames to judge by, but split.validation is 0; raise it, to "
            "0.1 for instance"
        )
    for key in ("sizes", "seeds"):
        if extra := sorted(set(getattr(asked, key) or ()) - set(getattr(study.subsets, key))):
            raise ValueError(f"tuning.{key} has {extra}, which subsets.{key} lacks")
    if unknown := sorted(set(asked.methods or ()) - set(study.methods)):
        raise ValueError(f"tuning.methods has {unknown}, which methods lacks")
    found = {trial.method for trial in study.trials}
    for name in study.tuned_methods:
        method = study.methods[name]
        if name not in found:
            raise ValueError(
                f"tuning: {name} has no run at any of tuning.sizes and tuning.seeds; add one of "
                "its own, or leave it out of tuning.methods"
            )
        changes = [method.training or TrainingChanges(), *method.training_by_size.values()]
        given = set().union(*(c.model_fields_set for c in changes))
        if both := sorted(given & set(asked.search.axes(method.train_reference))):
            raise ValueError(
                f"methods.{name}.training.{both[0]} is given and tuning.search searches for it; "
                f"remove one, or leave {name} out of tuning.methods"
            )

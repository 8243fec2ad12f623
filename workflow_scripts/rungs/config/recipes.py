"""Whether the recipes that a study asks for are possible."""

from typing import TYPE_CHECKING

from pydantic import ValidationError

if TYPE_CHECKING:
    from rungs.config.study import Study


def check_recipes(study: "Study") -> None:
    """Check what methods change of the fine-tuning.

    Raises:
        ValueError: naming the key that cannot be.
    """
    asked = study.pretraining.training
    if asked and (asked.references_first or asked.learning_rate_factors.references != 1):
        raise ValueError(
            "pretraining.training: reference energies are not trained in pretraining; leave out "
            "references_first and learning_rate_factors.references"
        )
    trained = {run.method for run in study.runs if run.size}
    for name, method in study.methods.items():
        changes = method.training
        if changes is None:
            continue
        if name not in trained:
            raise ValueError(
                f"methods.{name}.training has {', '.join(sorted(changes.model_fields_set))}, but "
                "the method trains nothing: its only size is 0; leave it out"
            )
        if not method.train_reference and (
            changes.references_first or changes.learning_rate_factors.references != 1
        ):
            raise ValueError(
                f"methods.{name}.training: references_first and learning_rate_factors.references "
                "need `train_reference: true`"
            )
        try:
            changes.of(study.fine_tuning)
        except ValidationError as error:
            problem = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ValueError(f"methods.{name}.training: {problem}") from None


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
        given = method.training.model_fields_set if method.training else set()
        if both := sorted(given & set(asked.search.axes(method.train_reference))):
            raise ValueError(
                f"methods.{name}.training.{both[0]} is given and tuning.search searches for it; "
                f"remove one, or leave {name} out of tuning.methods"
            )

"""What the answer of a study says of its methods' recipes."""

from collections.abc import Sequence

from rungs.config.study import Study
from rungs.config.tuning import Search


def recipe_words(study: Study) -> str:
    """Return what is to be known of the recipes when methods are compared, as a clause."""
    tuned = study.tuned_methods
    if tuned:
        search = study.tuning.search
        keys = {k for name in tuned for k in search.axes(study.methods[name].train_reference)}
        words = _listed([key.replace("_", " ") for key in Search.model_fields if key in keys])
        sizes = _listed([f"{n:,}" for n in sorted({trial.size for trial in study.trials})])
        who = "each method" if len(tuned) == len(study.methods) else _listed(tuned)
        verb = "was" if len(keys) == 1 else "were"
        return f"the {words} of {who} {verb} chosen on validation frames, at {sizes} frames"
    if any(network.training for network in study.networks):
        return "the models have recipes of their own, as the configuration gives them"
    own = [name for name, method in study.methods.items() if method.changes(1)]
    if own and len(own) == len(study.methods) > 1:
        return "each method has a recipe of its own, as the configuration gives it"
    if own:
        have = "has a recipe of its own" if len(own) == 1 else "have recipes of their own"
        return f"{_listed(own)} {have}, as the configuration gives it"
    if len(study.methods) == 1:
        return "its recipe was not tuned"
    return "all methods share one recipe, which was tuned for none"


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last

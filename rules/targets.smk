# What a study's results are, beyond those that every study has.

from rungs.config.strategies import plain_transfer, strategies

# Of a study with several models: those whose errors make learning curves.
methods_of_models = study.on_learning_curve if len(study.models) > 1 else []
runs_of_models = [run for run in study.runs if run.method in methods_of_models]
pretrainings_of_models = list(
    dict.fromkeys(
        study.pretraining_of(name)
        for name in methods_of_models
        if study.methods[name].initial == "pretrained"
    )
)


# Ways of using both levels, beside plain fine-tuning.
compared_strategies = strategies(study)


def targets_of_strategies():
    if not compared_strategies:
        return []
    figures = collect(
        results / "figures/strategies.{suffix}", suffix=["png", "pdf", "svg"]
    )
    return [results / "tables/strategies.csv", *figures]


def targets_of_models():
    # What their own packages cannot read as the study has it is exported.
    made = {run.method for run in study.runs}
    exported = [results / f"native/{name}" for name in study.exported if name in made]
    if not methods_of_models:
        return exported
    figures = collect(results / "figures/models.{suffix}", suffix=["png", "pdf", "svg"])
    return [
        results / "tables/models.csv",
        results / "tables/size_laws.csv",
        *figures,
        *exported,
    ]


def figures_of_transfer():
    names = ["references", "gradients"] if study.largest_transfers else []
    return collect(
        results / "figures/{figure}.{suffix}",
        figure=names,
        suffix=["png", "pdf", "svg"],
    )


# Whether the target's labels come from a potential that simulations can be run with.
reference_is_simulated = (
    study.simulations is not None
    and study.simulations.reference
    and study.target.data.kind == "classical_md"
)


def targets_of_simulations():
    if study.simulations is None:
        return []
    figures = collect(
        results / "figures/stability.{suffix}", suffix=["png", "pdf", "svg"]
    )
    return [results / "tables/stability.csv", *figures]


properties_of_motion = study.properties is not None and bool(study.properties.dynamic)
frames_are_the_reference = (
    study.properties is not None
    and study.properties.reference_frames
    and study.target_potential is None
)


def targets_of_properties():
    if study.properties is None:
        return []
    names = ["properties"]
    if study.baseline is not None:
        names.append("property_effects")
    for name in ("equation_of_state", "phonons"):
        if name in study.properties.static:
            names.append(name)
    if properties_of_motion:
        names.append("distributions")
    figures = collect(
        results / "figures/{figure}.{suffix}",
        figure=names,
        suffix=["png", "pdf", "svg"],
    )
    return [results / "tables/properties.csv", *figures]

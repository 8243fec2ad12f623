"""Put the models of a study side by side: errors, costs of training, and laws in their size."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.architectures import SUM
    from rungs.evaluation.tables import read_rows
    from rungs.records.summary import read_table
    from rungs.scaling.answers.efficiency import EfficiencyRow
    from rungs.scaling.answers.means import MeanRow
    from rungs.scaling.answers.models import Member, model_rows, write_models
    from rungs.scaling.answers.size_law_table import fit_size_laws, write_size_laws
    from rungs.seeds import derive_seed
    from rungs.training.costs import mean_training_seconds, read_record

    given, params, output = snakemake.input, snakemake.params, snakemake.output
    members = {name: Member(*member) for name, member in params.members.items()}
    records = [read_record(path) for path in given.runs]
    before = dict(zip(params.pretrainings, map(read_record, given.pretrainings), strict=True))
    parameters = {
        members[method].model: record["parameters"]
        for (method, *_), record in zip(params.runs, records, strict=True)
        if record["architecture"] != SUM  # which has the network twice
    }
    pretraining_of = params.pretraining_of.items()
    rows = model_rows(
        read_table(given.means, MeanRow),
        read_table(given.efficiency, EfficiencyRow),
        members,
        mean_training_seconds(params.runs, records),
        {
            method: mean_training_seconds([(name, 1)], [before[name]])[name, 1]
            for method, name in pretraining_of
        },
        parameters,
    )
    write_models(output.models, rows)
    families = {
        (kind, strategy): {name: parameters[members[name].model] for name in names}
        for kind, strategy, names in params.families
    }
    laws = fit_size_laws(
        read_rows(given.curve), families, seed=derive_seed(params.seed, "bootstrap")
    )
    write_size_laws(output.laws, laws)
    for law in laws:
        if law.metric.startswith(("energy", "force")) and law.parameter_exponent is not None:
            say(
                f"{law.kind}, {law.strategy}, {law.metric}: exponent {law.parameter_exponent:.3f} "
                f"in parameters, {law.target_exponent:.3f} in target frames"
            )

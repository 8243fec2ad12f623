"""Write what made the study: configuration, revision, versions, hardware, seeds, data, dates."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.loading import read_study
    from rungs.records.provenance import gather_provenance, write_provenance

    given, output, params = snakemake.input, snakemake.output, snakemake.params
    facts = gather_provenance(
        read_study(given.study),
        files=params.files,
        trainings=dict(zip(params.trainings, given.records, strict=True)),
        frames={"source": given.source, "target": given.target},
    )
    say(write_provenance(facts, output.provenance, output.table))

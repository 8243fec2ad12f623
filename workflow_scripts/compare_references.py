"""Measure every rule for the reference energies at every subset size, without a training."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.references import compare_references

    given, params = snakemake.input, snakemake.params
    say(
        compare_references(
            interactions=given.interactions,
            graphs=given.graphs,
            split=given.split,
            subsets=dict(zip(params.seeds, given.subsets, strict=True)),
            sizes=params.sizes,
            source_reference=given.source_reference,
            atoms={"source": given.source_atoms, "target": given.target_atoms},
            output=snakemake.output[0],
        )
    )

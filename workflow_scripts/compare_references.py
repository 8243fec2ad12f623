"""Measure every rule for the reference energies at every subset size, without a training."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.references import compare_references
    from rungs.potentials.device import prepare_process

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given, params = snakemake.input, snakemake.params
    say(
        compare_references(
            model=given.pretrained,
            graphs=given.graphs,
            split=given.split,
            subsets=dict(zip(params.seeds, given.subsets, strict=True)),
            sizes=params.sizes,
            source_reference=given.source_reference,
            atoms={"source": given.source_atoms, "target": given.target_atoms},
            output=snakemake.output[0],
        )
    )

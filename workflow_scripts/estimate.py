"""Print what the study will cost on this machine, before it is run."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    import time

    from rungs.config import load_study
    from rungs.potentials.device import prepare_process
    from rungs.training.estimate import estimate_study

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    for line in estimate_study(
        load_study(snakemake.params.study),
        graphs=dict(zip(snakemake.params.graphs, snakemake.input.graphs, strict=True)),
        split=snakemake.input.split,
        elements=snakemake.input.elements,
        # processor time so far: what every job spends before it computes
        start_seconds=time.process_time(),
        output=snakemake.output[0],
    ):
        say(line)

"""Answer the questions of the configuration from the learning curves."""

from rungs.jobs import job

with job(snakemake.log[0]):
    from pathlib import Path

    from rungs.plan import answer_study, read_finished
    from rungs.scaling.plan import write_plan

    finished = read_finished(Path(snakemake.input.study).parent)
    write_plan(snakemake.output[0], answer_study(finished, {}))

"""Answer the questions of the configuration from the learning curves."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]):
    from pathlib import Path

    from rungs.records.finished import answer_study, read_finished
    from rungs.scaling.answers.plan import write_plan

    finished = read_finished(Path(snakemake.input.study).parent)
    write_plan(snakemake.output[0], answer_study(finished, {}))

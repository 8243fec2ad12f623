"""Put question, answer and numbers into one file for programs, the answer into one for people."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import load_study
    from rungs.files import write_text
    from rungs.records.summary import answer, read_table, summarize, write_summary
    from rungs.scaling.answers.checks import CheckRow
    from rungs.scaling.answers.efficiency import EfficiencyRow
    from rungs.scaling.answers.joint_law_table import JointRow
    from rungs.scaling.answers.law_table import LawRow
    from rungs.scaling.answers.means import MeanRow
    from rungs.scaling.answers.plan import Answer
    from rungs.scaling.answers.strategies import StrategyRow
    from rungs.splits.files import read_summary

    study = load_study(snakemake.params.study)
    tables = {
        "points": read_table(snakemake.input.means, MeanRow),
        "laws": read_table(snakemake.input.laws, LawRow),
        "efficiency": read_table(snakemake.input.efficiency, EfficiencyRow),
        "strategies": read_table(snakemake.input.strategies, StrategyRow)
        if snakemake.input.strategies
        else [],
    }
    summary = summarize(
        study,
        **tables,
        checks=read_table(snakemake.input.checks, CheckRow),
        plan=read_table(snakemake.input.plan, Answer),
        joint_laws=read_table(snakemake.input.joint, JointRow) if snakemake.input.joint else [],
        parts=read_summary(snakemake.input.parts),
    )
    write_summary(snakemake.output.summary, summary)
    sentences = answer(study, **tables, quote="``")
    write_text(snakemake.output.answer, "\n".join(sentences) + "\n")
    for sentence in summary.answer:
        say(sentence)

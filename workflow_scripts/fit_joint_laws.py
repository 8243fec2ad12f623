"""Fit one law to the errors of methods that differ in the size of their pretraining."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    import json
    from pathlib import Path

    from rungs.evaluation.tables import read_rows
    from rungs.scaling.answers.joint_law_table import fit_joint_laws, write_joint_laws
    from rungs.seeds import derive_seed

    params = snakemake.params
    n_frames = {
        name: json.loads(Path(path).read_text(encoding="utf-8"))["n_frames"]
        for name, path in zip(params.pretrainings, snakemake.input.records, strict=True)
    }
    families = {
        family: {method: n_frames[name] for method, name in members.items()}
        for family, members in params.families.items()
    }
    laws = fit_joint_laws(
        read_rows(snakemake.input.curve), families, seed=derive_seed(params.seed, "bootstrap")
    )
    write_joint_laws(snakemake.output[0], laws)
    for law in laws:
        if law.metric.startswith(("energy", "force")) and law.saved_by_doubling is not None:
            say(
                f"{law.family}, {law.metric}: twice the source frames spare "
                f"{law.saved_by_doubling:.0%} of the target frames"
            )

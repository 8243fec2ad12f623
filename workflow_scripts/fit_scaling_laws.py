"""Fit scaling laws to the learning curves, and say what a target frame is worth."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.evaluation.tables import read_rows
    from rungs.scaling.answers.checks import check_laws, write_checks
    from rungs.scaling.answers.efficiency import efficiency_of_models, write_efficiency
    from rungs.scaling.answers.law_table import fit_learning_curves, write_laws
    from rungs.scaling.answers.means import learning_curve_means, write_means
    from rungs.scaling.intervals.material_draws import read_material_draws
    from rungs.seeds import derive_seed

    rows = read_rows(snakemake.input.curve)
    seed = derive_seed(snakemake.params.seed, "bootstrap")
    materials = read_material_draws(
        snakemake.input.materials, seed=derive_seed(snakemake.params.seed, "test materials")
    )
    laws = fit_learning_curves(rows, seed=seed, materials=materials)
    write_laws(snakemake.output.laws, laws)
    write_means(snakemake.output.means, learning_curve_means(rows))
    efficiency = efficiency_of_models(
        rows, laws, snakemake.params.baselines, seed=seed, materials=materials
    )
    write_efficiency(snakemake.output.efficiency, efficiency)
    write_checks(snakemake.output.checks, check_laws(rows, laws, seed=seed))
    for law in laws:
        if law.metric.startswith(("energy", "force")) and law.exponent is not None:
            say(f"{law.method}, {law.metric}: exponent {law.exponent:.3f} ({law.form})")

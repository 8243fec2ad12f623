"""Run molecular dynamics with the models of all seeds of a method and size."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.config.simulations import Simulations
    from rungs.potentials.device import prepare_process
    from rungs.simulation.runs import SimulationFiles, make_plan, simulate_models

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    method, size = snakemake.wildcards.method, int(snakemake.wildcards.size)
    models = {
        Run(method, size, seed): model
        for seed, model in zip(params.seeds, given.models, strict=True)
    }
    options = Simulations.model_validate(params.simulations)
    plan = make_plan(options, given.frames, given.split, params.seed)
    outputs = SimulationFiles(output.table, output.trajectories)
    for line in simulate_models(models, plan, outputs, params.kept):
        say(line)

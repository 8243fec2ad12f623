"""Run the models' simulations with the classical potential that labelled the target."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.classical import calculator
    from rungs.config.simulations import Simulations
    from rungs.potentials.device import prepare_process
    from rungs.simulation.runs import SimulationFiles, make_plan, simulate_reference

    prepare_process(snakemake.threads)
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    options = Simulations.model_validate(params.simulations)
    plan = make_plan(options, given.frames, given.split, params.seed)
    outputs = SimulationFiles(output.table, output.trajectories)
    for line in simulate_reference(calculator(*params.potential), plan, outputs):
        say(line)

"""Compute what the models' properties are compared with."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.properties import Properties
    from rungs.files import folder_with
    from rungs.potentials.device import prepare_process
    from rungs.properties.motion import Simulated
    from rungs.properties.runs import (
        Potential,
        PropertyFiles,
        calculate_reference_properties,
        elements_of,
    )

    prepare_process(snakemake.threads, flush=False)
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    options = Properties.model_validate(params.properties)
    crystal = options.crystal and options.crystal.file
    folder = folder_with(given.crystal, [crystal] if crystal else [], params.data_folder)
    simulated, starts = None, []
    if given.simulations:
        simulated = Simulated.read(given.simulations, given.trajectories)
    if given.split:
        from rungs.config.simulations import Simulations
        from rungs.simulation.initial_conditions import draw_starts

        simulations = Simulations.model_validate(params.simulations)
        starts = draw_starts(simulations, given.frames, given.split, params.seed)
    lines = calculate_reference_properties(
        Potential(*params.potential) if params.potential else None,
        options,
        elements=elements_of(given.frames),
        data_folder=folder,
        simulated=simulated,
        outputs=PropertyFiles(output.table, output.curves),
        frames=given.frames,
        starts=starts,
    )
    for line in lines:
        say(line)

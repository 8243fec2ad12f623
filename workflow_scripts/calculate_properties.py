"""Compute properties that no model was trained on, with all seeds of a method and size."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config import Run
    from rungs.config.properties import Properties
    from rungs.files import folder_with
    from rungs.potentials.device import prepare_process
    from rungs.properties.motion import Simulated
    from rungs.properties.runs import PropertyFiles, calculate_properties, elements_of

    prepare_process(snakemake.threads, flush=False)
    given, output, params = snakemake.input, snakemake.output, snakemake.params
    wildcards = snakemake.wildcards
    runs = [Run(wildcards.method, int(wildcards.size), seed) for seed in params.seeds]
    options = Properties.model_validate(params.properties)
    crystal = options.crystal and options.crystal.file
    folder = folder_with(given.crystal, [crystal] if crystal else [], params.data_folder)
    simulated = None
    if given.simulations:
        simulated = Simulated.read(given.simulations, given.trajectories)
    lines = calculate_properties(
        dict(zip(runs, given.models, strict=True)),
        options,
        elements=elements_of(given.frames),
        data_folder=folder,
        simulated=simulated,
        reference=PropertyFiles(given.reference, given.reference_curves),
        outputs=PropertyFiles(output.table, output.curves),
    )
    for line in lines:
        say(line)

"""Build the crystal graphs of one level with the network's cutoffs."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.architectures import architecture_options
    from rungs.frames.table import iter_frames
    from rungs.graphs.store import write_graphs
    from rungs.potentials.models import graph_cutoffs

    cutoffs = graph_cutoffs(
        snakemake.params.initial, architecture_options(snakemake.params.architecture)
    )
    counts = write_graphs(iter_frames(snakemake.input[0]), snakemake.output[0], *cutoffs)
    say(
        f"{snakemake.wildcards.level}: {counts.frames} graphs, {counts.atoms} atoms, "
        f"{counts.bonds} bonds, {counts.angles} angles"
    )

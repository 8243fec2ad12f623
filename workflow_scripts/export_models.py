"""Write models as files of their architecture's own tools."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.potentials.model_files import load_model
    from rungs.potentials.registry import architecture_of

    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for path, name in zip(snakemake.input, snakemake.params.names, strict=True):
        model = load_model(path)
        files += architecture_of(model).save_native(model, folder, name)
    say(f"{snakemake.wildcards.method}: {len(snakemake.input)} models in {folder}, for instance:")
    say("  " + ", ".join(file for file in files if file.startswith(snakemake.params.names[-1])))

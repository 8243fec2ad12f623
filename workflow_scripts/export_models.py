"""Write models as files of their architecture's own tools."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.potentials.model_files import load_model
    from rungs.potentials.registry import architecture_of

    folder = Path(snakemake.output[0])
    folder.mkdir(parents=True, exist_ok=True)
    for path, name in zip(snakemake.input, snakemake.params.names, strict=True):
        model = load_model(path)
        architecture_of(model).save_native(model, str(folder / name))
    say(f"{snakemake.wildcards.method}: {len(snakemake.input)} models in {folder}")

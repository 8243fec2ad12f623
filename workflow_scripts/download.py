"""Download one level's trajectories from the Materials Project, or go on with it."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from pathlib import Path

    from rungs.config.materials_project import MaterialsProject
    from rungs.files import write_text
    from rungs.materials_project.download import MANIFEST, download

    params, name = snakemake.params, snakemake.wildcards.level
    options = MaterialsProject.model_validate(params.data)
    folder = Path(params.data_folder) / options.folder
    download(options, folder, lambda line: say(f"{name}: {line}"))
    write_text(snakemake.output[0], (folder / MANIFEST).read_text(encoding="utf-8"))

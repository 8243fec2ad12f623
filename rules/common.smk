# Small functions that the rules ask for their inputs and outputs.


def level_of(wildcards):
    return getattr(study, wildcards.level)


def source_files(wildcards):
    files = level_of(wildcards).data.files(study.data_folder)
    missing = [file for file in files if not Path(file).exists()]
    if missing and not (results / f"frames/{wildcards.level}.parquet").exists():
        raise WorkflowError(
            f"{study_file}: {wildcards.level}.data names files that are missing: "
            f"{', '.join(missing)}. Put them there, or say where they are: "
            "--config data_folder=DIR"
        )
    return files


def pretrained_model(wildcards):
    # A method that starts from random weights need not wait for the pretraining.
    if study.methods[wildcards.method].initial == "pretrained":
        return results / "pretrained/model.pt"
    return []


def models_of_all_seeds(wildcards):
    seeds = study.points[wildcards.method, int(wildcards.size)]
    folder = results / f"runs/{wildcards.method}/{wildcards.size}"
    return [folder / f"seed_{seed}/model.pt" for seed in seeds]


def vector_forms(name):
    # Beside the PNG that the report shows.
    return [results / f"figures/{name}.pdf", results / f"figures/{name}.svg"]

# Small functions that the rules ask for their inputs and outputs.


def level_of(wildcards):
    return getattr(study, wildcards.level)


def download_folder(level):
    data = getattr(study, level).data
    if data.folder is None:
        return results / "downloads" / level
    return Path(study.data_folder) / data.folder


def is_downloaded(level):
    return getattr(study, level).data.kind == "mp_api"


def earlier_download(wildcards):
    if wildcards.level == "target" and is_downloaded("source"):
        return ancient(results / "downloads/source.json")
    return []


def level_options(wildcards):
    # As it is configured, and for a download where it lies.
    options = level_of(wildcards).model_dump(mode="json")
    if is_downloaded(wildcards.level):
        folder = os.path.relpath(download_folder(wildcards.level), study.data_folder)
        options["data"]["folder"] = folder
    return options


def source_files(wildcards):
    if is_downloaded(wildcards.level):
        return results / f"downloads/{wildcards.level}.json"
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


def vector_forms(name):
    # Beside the PNG that the report shows.
    return [results / f"figures/{name}.pdf", results / f"figures/{name}.svg"]

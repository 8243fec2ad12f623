# Small functions that the rules ask for their inputs and outputs.


def level_of(wildcards):
    return getattr(study, wildcards.level)


def missing_files(level):
    # Frames that were made need their files no more.
    if (results / f"frames/{level}.parquet").exists():
        return []
    data = getattr(study, level).data
    return [file for file in data.files(study.data_folder) if not Path(file).exists()]


def source_files(wildcards):
    if missing_files(wildcards.level):
        # Both levels at once, so that a person goes for files only once.
        lines = [f"{study_file}: files are missing:"]
        for level in ("source", "target"):
            for file in missing_files(level):
                where = getattr(study, level).data.whereabouts(file)
                lines.append(f"  {level}.data: {file}")
                lines += [f"    which is {where}"] if where else []
        lines.append("Put them there, or say where they are: --config data_folder=DIR")
        raise WorkflowError("\n".join(lines))
    return level_of(wildcards).data.files(study.data_folder)


def pretrained_model(wildcards):
    # A method that starts from random weights need not wait for the pretraining.
    if study.methods[wildcards.method].initial == "pretrained":
        return results / "pretrained/model.pt"
    return []


def vector_forms(name):
    # Beside the PNG that the report shows.
    return [results / f"figures/{name}.pdf", results / f"figures/{name}.svg"]

# Small functions that the rules ask for their inputs and outputs.


def level_of(wildcards):
    return getattr(study, wildcards.level)


def pretrained_model(wildcards):
    # A method that starts from random weights need not wait for the pretraining.
    if study.methods[wildcards.method].initial == "pretrained":
        return results / "pretrained/model.pt"
    return []


def vector_forms(name):
    # Beside the PNG that the report shows.
    return [results / f"figures/{name}.pdf", results / f"figures/{name}.svg"]

"""Predict the source level's values for the target's frames, where the levels share no frames."""

from rungs.workflow.jobs import job

with job(snakemake.log[0]) as say:
    from rungs.config.training import Pretraining
    from rungs.evaluation.level_predictions import write_level_predictions
    from rungs.frames.labelled import read_label_counts
    from rungs.potentials.device import prepare_process
    from rungs.references.fit import read_reference
    from rungs.splits.files import frame_ids, read_split

    prepare_process(snakemake.threads, snakemake.resources.get("gpu", 0), say)
    given, options = snakemake.input, Pretraining.model_validate(snakemake.params.pretraining)
    split = read_split(given.split)
    names = [n for part in ("train", "validation") for n in frame_ids(split, "target", part)]
    known, magmoms = None, True
    if options.initial == "random":
        # A published model knows more than the source's frames say.
        known = read_reference(given.source_reference).n_frames > 0
        trained = options.training.weights.magmom > 0
        magmoms = trained and read_label_counts(given.source).labelled["magmoms"] > 0
    say(
        write_level_predictions(
            snakemake.output[0],
            source=given.source,
            target=given.target,
            graphs=given.graphs,
            names=names,
            model=given.pretrained,
            interactions=given.interactions,
            known=known,
            magmoms=magmoms,
        )
    )

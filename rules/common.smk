# Small functions that the rules ask for their inputs and outputs, and for what their jobs need.

from rungs.config.methods import RECIPE_KEYS
from rungs.config.first_look import file_fault, remarks

if workflow.is_main_process:
    for remark in remarks(study):
        print(f"note: {study_file}: {remark}.", file=sys.stderr)


def per_attempt(amount):
    # A job that failed is tried again, where the profile says so, with more memory and time. What
    # trains goes on from its checkpoint: eight hours may be too few, and still nothing is lost.
    return lambda wildcards, attempt: amount * attempt


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
    # What a frame costs and where files are to be had change no frame.
    options = level_of(wildcards).model_dump(mode="json", exclude={"price", "origin"})
    if is_downloaded(wildcards.level):
        folder = os.path.relpath(download_folder(wildcards.level), study.data_folder)
        options["data"]["folder"] = folder
    return options


def stop(*lines):
    # In place of an exception, below whose sentence Snakemake prints where in the rules it arose.
    sys.exit("\n".join((f"error: {lines[0]}", *lines[1:])))


def files_of(level):
    # Of a level, as the configuration names them; a download is none.
    if is_downloaded(level):
        return []
    return getattr(study, level).data.files(study.data_folder)


def missing_files(level):
    # Each with what is wrong. Frames that were made need their files no more; a download makes its
    # own.
    if is_downloaded(level) or is_there(results / f"frames/{level}.parquet"):
        return {}
    files = files_of(level)
    # A folder of VASP runs is looked through by its reader.
    if in_storage or getattr(study, level).data.kind == "vasp_runs":
        faults = {file: None if is_there(file) else "no such file" for file in files}
    else:
        faults = {file: file_fault(file) for file in files}
    return {file: fault for file, fault in faults.items() if fault}


def atom_table(wildcards):
    # Energies of isolated atoms, where they are given in a file of their own.
    files = level_of(wildcards).atom_files(study.data_folder)
    made = is_there(results / f"frames/{wildcards.level}.parquet")
    if missing := [file for file in files if not (made or is_there(file))]:
        raise WorkflowError(
            f"{study_file}: {wildcards.level}.isolated_atom_energies.file is missing: {missing[0]}."
            " Put it there, or say where it is: --config data_folder=DIR"
        )
    return given_files(files)


def source_files(wildcards):
    if is_downloaded(wildcards.level):
        return results / f"downloads/{wildcards.level}.json"
    if missing_files(wildcards.level):
        # Both levels at once, so that a person goes for files only once.
        lines = [f"{study_file}: files are missing:"]
        for level in ("source", "target"):
            for file, fault in missing_files(level).items():
                where = getattr(study, level).whereabouts(file)
                lines.append(f"  {level}.data: {file} ({fault})")
                lines += [f"    which is {where}"] if where else []
        stop(*lines, "Put them there, or say where they are: --config data_folder=DIR")
    return given_files(files_of(wildcards.level))


def given_parts(wildcards):
    file = study.split.parts and study.split.parts.path(study.data_folder)
    if file and not (is_there(file) or is_there(results / "splits/split.csv")):
        stop(
            f"{study_file}: split.parts.file is missing: {file}. Put it there, or say where it "
            "is: --config data_folder=DIR"
        )
    return given_files([file] if file else [])


def crystal_file(wildcards):
    # Where the crystal of the properties is not a lattice of its element.
    crystal = study.properties and study.properties.crystal
    named = crystal and crystal.file
    return given_files([str(Path(study.data_folder) / named)] if named else [])


def frames_to_draw_from(wildcards):
    # What a strategy needs to know of the frames, besides which of them train; and their labels.
    needed = {"frames": results / "frames/target.parquet"}
    if wildcards.sampling == "diverse":
        needed["clusters"] = results / "subsets/diverse/clusters.csv"
        needed["merges"] = results / "subsets/diverse/merges.csv"
    return needed


def subset_order(wildcards):
    return order_of(wildcards.method, wildcards.seed)


def order_of(method, seed):
    # Of the frames that a method may draw from: all that train, or its pool.
    folder, pool = (
        results / f"subsets/{study.sampling(method)}",
        study.methods[method].pool,
    )
    return (folder / pool if pool else folder) / f"seed_{seed}.csv"


def isolated_atoms_of(methods):
    # Tables of isolated atoms, for methods whose reference energies come from them.
    if any(study.methods[name].reference == "isolated_atoms" for name in methods):
        return {
            f"{level}_atoms": results / f"frames/{level}_isolated_atoms.csv"
            for level in ("source", "target")
        }
    return {}


def method_of(name):
    # What it is; how it is trained is a parameter of its own.
    return study.methods[name].model_dump(mode="json", exclude=RECIPE_KEYS)


def training_of(wildcards):
    return study.training_of(wildcards.method, int(wildcards.size))


def folder_of_trial(trial):
    return (
        results / f"tuning/{trial.method}/{trial.size}/seed_{trial.seed}/{trial.recipe}"
    )


def left_by_trials(file):
    # Of the trials that decide on the recipe of a method and size.
    return lambda wildcards: [
        folder_of_trial(trial) / file
        for trial in study.trials_of(wildcards.method, int(wildcards.size))
    ]


def recipe_of(wildcards):
    # A method that is not tuned has none, nor has a run that trains nothing.
    if study.trials_of(wildcards.method, int(wildcards.size)):
        return results / f"tuning/{wildcards.method}/{wildcards.size}/recipe.json"
    return []


def pretrained_model(wildcards):
    # A method that starts from random weights need not wait for the pretraining.
    if study.methods[wildcards.method].initial == "pretrained":
        return results / study.pretraining_of(wildcards.method) / "model.pt"
    return []


def interactions_of(wildcards):
    # For reference energies that are fitted to what the pretrained network leaves over. One more
    # size may add frames to the file, which is no reason to do earlier runs again.
    if study.fits_residuals(wildcards.method):
        name = study.pretraining_of(wildcards.method)
        return ancient(results / name / "interaction_energies.parquet")
    return []


def orders_to_predict(wildcards):
    # The main pretraining's network is asked about whole parts, to compare rules for the reference
    # energies; a smaller one's about the subsets of the methods that start from it.
    runs = study.runs_to_predict(wildcards.pretraining)
    return sorted({order_of(run.method, run.seed) for run in runs})


def largest_to_predict(wildcards):
    runs = study.runs_to_predict(wildcards.pretraining)
    return max((run.size for run in runs), default=0)


def model_before(wildcards):
    # Whose source reference energies a run is judged with on the source's own frames.
    return results / study.pretraining_of(wildcards.method) / "model.pt"


def events_of(training):
    # No output, and asked for by a function of the input, which is no trigger: to track trainings
    # or not does none of them anew.
    return (
        str(results / "tensorboard" / training) if study.tracking.tensorboard else None
    )


def network_of(wildcards):
    # Of a pretraining.
    return study.pretrainings[wildcards.pretraining][0]


def options_of(network):
    # Kind and size of random weights; None where a published model or a file is the start.
    return network.architecture and network.architecture.model_dump(mode="json")


def graphs_of_run(wildcards):
    return results / f"graphs/{study.graphs_of(wildcards.method)}.safetensors"


def source_graphs_of_run(wildcards):
    return results / f"graphs/{study.graphs_of(wildcards.method, 'source')}.safetensors"


def graphs_of_pretraining(level):
    return lambda wildcards: (
        results
        / f"graphs/{study.graphs_of_network(network_of(wildcards), level)}.safetensors"
    )


def companion_of(wildcards):
    # For methods that train on frames of the source beside the target's.
    if study.methods[wildcards.method].has_companion:
        return source_graphs_of_run(wildcards)
    return []


def pseudolabels_of(wildcards):
    # For methods that learn what the pretrained network says of source frames. That another method
    # asks for more of them is no reason to do earlier runs again.
    method = study.methods[wildcards.method]
    if method.has_companion and method.companion.labels == "model":
        name = study.pretraining_of(wildcards.method)
        return ancient(results / name / "pseudolabels.parquet")
    return []


def source_graphs_to_learn(wildcards):
    # A model that is taken as it is sees no source frame.
    if network_of(wildcards).pretraining.training is None:
        return []
    return graphs_of_pretraining("source")(wildcards)


def processes_of_pretraining(wildcards):
    training = network_of(wildcards).pretraining.training
    return training.processes if training else 1


def checkpoint_of(run):
    # Of a fine-tuning, by its wildcards or as a run of the study.
    return results / f"checkpoints/{run.method}-{run.size}-seed_{run.seed}.pt"


def models_of_all_seeds(wildcards):
    seeds = study.points[wildcards.method, int(wildcards.size)]
    folder = results / f"runs/{wildcards.method}/{wildcards.size}"
    return [folder / f"seed_{seed}/model.pt" for seed in seeds]


def of_all_points(pattern):
    # One file for each method and size.
    return [
        results / pattern.format(method=method, size=size)
        for method, size in study.points
    ]


def vector_forms(name):
    # Beside the PNG that the report shows.
    return [results / f"figures/{name}.pdf", results / f"figures/{name}.svg"]


def answer_of_study(wildcards):
    # Two sentences in words, where a rule of the scaling laws writes them.
    answer = results / "answer.rst"
    made = (str(file) for rule in workflow.rules for file in rule.output)
    return {"answer": answer} if str(answer) in made else {}


pretrainings = list(
    dict.fromkeys(
        study.pretraining_of(name)
        for name, method in study.methods.items()
        if method.initial == "pretrained"
    )
)

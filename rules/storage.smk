# Results in a bucket: what lies there and what on this machine, and where checkpoints are copied.

from rungs.workflow.bucket import Bucket, fault
from rungs.workflow.copies import forget_finished

BRACES = re.compile(r"[{}]")
in_storage = workflow.storage_settings.default_storage_provider is not None


def bucket_of_results():
    if workflow.storage_settings.default_storage_provider != "s3":
        return None
    given = workflow.storage_registry.default_storage_provider.settings
    return Bucket(
        workflow.storage_settings.default_storage_prefix,
        given.endpoint_url,
        given.region,
        given.access_key,
        given.secret_key,
        given.token,
    )


bucket = bucket_of_results()
if bucket:
    # To the scripts of the jobs, which keep their checkpoints there: never by a command line.
    os.environ.update(bucket.environment())
    if workflow.is_main_process and (found := fault(bucket)):
        sys.exit(f"error: {found}")


def stays_here(path):
    # A file outside of the working directory has no place in a bucket.
    return os.path.isabs(path) or os.path.normpath(path).startswith("..")


def stored(path):
    # Snakemake's object for a file of the storage, or None. Its own `exists` cannot be asked while
    # the jobs are planned, which is when functions of inputs are.
    if not in_storage or stays_here(path):
        return None
    flagged = workflow.modifier.path_modifier.apply_default_storage(str(path))
    return flagged.flags["storage_object"]


def is_there(path):
    # Where Snakemake will look for it: on this machine, or in the storage.
    there = stored(path)
    return os.path.exists(path) if there is None else there.exists()


def given_files(paths):
    # Snakemake takes braces for a wildcard wherever it meets them: such files are no inputs to it,
    # and `unseen_files` says when they change.
    paths = [path for path in paths if not BRACES.search(path)]
    return [local(path) if stays_here(path) else path for path in paths]


def unseen_files(paths):
    return [
        (path, os.path.getsize(path), os.path.getmtime(path))
        for path in paths
        if BRACES.search(path) and os.path.isfile(path)
    ]


def results_of_checkpoints():
    # The file that says that a checkpoint, or what is kept of simulations, is needed no more.
    kept = results / "checkpoints"
    made = {kept / f"{name}.pt": results / name / "model.pt" for name in pretrainings}
    for run in study.runs:
        folder = results / f"runs/{run.method}/{run.size}/seed_{run.seed}"
        made[checkpoint_of(run)] = folder / "model.pt"
        for suffix in ("json", "npz"):
            part = f"simulations/{run.method}-{run.size}-{run.seed}.{suffix}"
            table = results / f"simulations/{run.method}/{run.size}.csv"
            made[kept / part] = table
    return {str(checkpoint): str(result) for checkpoint, result in made.items()}


def fetch_opening(category):
    # The report's own page reads it, unknown to Snakemake: from a bucket it has to be fetched.
    # A report asks for its categories before it writes that page.
    def with_opening(wildcards):
        page = stored(results / "opening.rst")
        if page is not None and page.exists():
            page.local_path().parent.mkdir(parents=True, exist_ok=True)
            page.retrieve_object()
        return category

    return with_opening


onsuccess:
    if bucket:
        try:
            forget_finished(
                bucket, results / "checkpoints", results_of_checkpoints()
            )
        except StudyError as error:
            print(f"warning: {error}", file=sys.stderr)

"""What will be fetched, decided and written down before any of it is."""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from rungs.config.materials_project import MaterialsProject
from rungs.errors import StudyError
from rungs.files import write_text
from rungs.materials_project.client import Service, criteria_of
from rungs.materials_project.identifiers import canonical
from rungs.materials_project.trajectories import TABLE, Place, Trajectories
from rungs.materials_project.unlisted import adopt, in_query

FORMAT = 1
TASKS_IN_PART = 100
RUN_TYPES = {"GGA_GGA+U": ("GGA", "GGA+U"), "r2SCAN": ("r2SCAN",)}
_THERMO_TYPES = {"GGA_GGA+U": "GGA_GGA+U", "r2SCAN": "R2SCAN"}
_PACKAGES = ("rungs", "mp-api", "emmet-core", "pymatgen", "deltalake", "pyarrow", "numpy")


def request_of(options: MaterialsProject) -> dict[str, object]:
    """The options that decide what is downloaded; the others choose among it when it is read."""
    request = options.model_dump(
        mode="json",
        include={"query", "labels", "task_types", "unlisted_tasks", "keep_restricted"},
    )
    request["query"] = {
        name: value for name, value in request["query"].items() if value is not None
    }
    return request


def versions() -> dict[str, str]:
    """The packages that the bytes of a download depend on."""
    return {name: version(name) for name in _PACKAGES}


def make_plan(
    request: Mapping[str, object],
    service: Service,
    trajectories: Trajectories,
    say: Callable[[str], None],
    progress: Callable[[str, int, int], None],
    tasks_in_part: int = TASKS_IN_PART,
) -> dict[str, object]:
    """The inventory: calculations and their materials, and where their rows are.

    Args:
        request: as :func:`request_of` gives it.
        service: the REST service.
        trajectories: the table, at the version that the plan is bound to.
        say: told what was found, in words.
        progress: called with what is done, how much of it, and of how much.
        tasks_in_part: a part holds this many calculations or more: whole row groups.

    Raises:
        StudyError: for an unknown material, and for a query that finds nothing.
    """
    labels, query = request["labels"], request["query"]
    materials: dict[str, dict] = {}
    for criteria in criteria_of(query):
        materials |= service.materials(criteria)
    _all_known(query, materials)
    say(f"{len(materials)} materials")
    tasks: dict[str, str] = {}
    n_deprecated = 0
    for material, document in sorted(materials.items()):
        deprecated = {canonical(task) for task in document.get("deprecated_tasks") or ()}
        kinds = {canonical(t): str(k) for t, k in (document.get("task_types") or {}).items()}
        for name, run_type in (document.get("run_types") or {}).items():
            task = canonical(name)
            if str(run_type) in RUN_TYPES[labels] and kinds.get(task) in request["task_types"]:
                n_deprecated += task in deprecated
                if task not in deprecated:
                    tasks.setdefault(task, material)
    other = "r2SCAN" if labels == "r2SCAN" and request["unlisted_tasks"] else None
    located = trajectories.locate(
        tasks, other, lambda done, total: progress("reading identifiers", done, total)
    )
    main = service.main_entries(sorted(set(tasks.values())), _THERMO_TYPES[labels])
    systems = {_system(document) for document in materials.values()}
    # a deprecated calculation is listed, and not to be taken through another door
    listed = {canonical(task) for document in materials.values() for task in document["run_types"]}
    strangers = [
        task
        for task, numbers in sorted(located.unlisted.items())
        if task not in listed and in_query(numbers, query, systems)
    ]
    adopted = adopt(
        service, strangers, materials, labels, request["task_types"], "material_ids" in query
    )
    tasks |= adopted.materials
    for material, energy in adopted.main_energies.items():
        main[material] = {"energy_per_atom": energy, "run_type": "r2SCAN", "u_values": {}}
    missing_main = sorted(set(adopted.materials.values()) - set(main))
    main |= service.main_entries(missing_main, _THERMO_TYPES[labels])
    if not tasks:
        raise StudyError(
            f"the query {json.dumps(query)} finds {len(materials)} materials of the Materials "
            f"Project and no {labels} calculation of them; ask for other materials"
        )
    places = {task: located.places[task] for task in tasks if task in located.places}
    say(
        f"{len(tasks)} {labels} calculations, {len(adopted.materials)} of them in no material's "
        f"list; {len(tasks) - len(places)} without a trajectory; {n_deprecated} deprecated ones "
        "left out"
    )
    return {
        "format": FORMAT,
        "request": dict(request),
        "database_version": service.heartbeat.database_version,
        "trajectories": {"table": TABLE, "version": trajectories.version},
        "versions": versions(),
        "restricted_batches": list(service.heartbeat.restricted_batches),
        "n_materials": len(materials),
        "n_tasks": len(tasks),
        "n_deprecated": n_deprecated,
        "unlisted_tasks": sorted(adopted.materials),
        "without_trajectory": sorted(set(tasks) - set(places)),
        "main_entries": {key: main[key] for key in sorted(set(tasks.values())) if key in main},
        "parts": _parts(tasks, places, tasks_in_part),
    }


def write_plan(path: Path, plan: Mapping[str, object]) -> None:
    """Freeze the plan in a file."""
    write_text(path, json.dumps(plan, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_plan(path: Path, request: Mapping[str, object]) -> dict[str, object] | None:
    """The plan in a file; None where there is none.

    Raises:
        StudyError: when it was made for another request, or cannot be read.
    """
    if not path.exists():
        return None
    again = f"delete the folder {path.parent} to start anew, or name another in data.folder"
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
        form, earlier = plan["format"], plan["request"]
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError(f"{path}: is no plan of a download; {again}") from None
    if form != FORMAT:
        raise StudyError(f"{path}: has form {form}, this version of rungs reads {FORMAT}; {again}")
    if earlier != dict(request):
        changed = sorted(
            key for key in set(earlier) | set(request) if earlier.get(key) != request.get(key)
        )
        raise StudyError(
            f"{path.parent} holds a download that was begun with another {', '.join(changed)}; "
            f"{again}"
        )
    return plan


def _all_known(query: Mapping[str, object], materials: Mapping[str, dict]) -> None:
    unknown = [name for name in query.get("material_ids", ()) if canonical(name) not in materials]
    if unknown:
        raise StudyError(
            f"query.material_ids names {', '.join(unknown[:10])}, which the Materials Project "
            "does not have or has deprecated; mend or remove it"
        )


def _system(document: Mapping[str, object]) -> str:
    from pymatgen.core import Composition

    formula = document.get("formula_pretty")
    return Composition(formula).chemical_system if formula else ""


def _parts(
    tasks: Mapping[str, str], places: Mapping[str, list[Place]], tasks_in_part: int
) -> list[dict[str, object]]:
    """Parts of whole row groups, as each is read once; a calculation is in one part only."""
    by_group: dict[Place, list[str]] = {}
    for task in sorted(places):
        by_group.setdefault(min(places[task]), []).append(task)
    chunks: list[list[str]] = []
    for group in sorted(by_group):
        if not chunks or len(chunks[-1]) >= tasks_in_part:
            chunks.append([])
        chunks[-1] += by_group[group]
    return [
        {
            "tasks": [[task, tasks[task], len(places[task])] for task in chunk],
            "places": sorted({tuple(place) for task in chunk for place in places[task]}),
        }
        for chunk in chunks
    ]

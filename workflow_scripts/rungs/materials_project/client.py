"""The service's own client, with its silent faults fenced in.

Documents come as plain dictionaries: with document models, a field that the first document lacks
vanishes from all. Calculations are asked for at most 50 at a time, as the client writes each
identifier in two spellings, and splits longer requests so that documents come twice.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from rungs.errors import StudyError
from rungs.materials_project.identifiers import canonical, shown
from rungs.materials_project.preflight import Heartbeat, listen
from rungs.materials_project.session import KEPT, PoliteSession

IDS_AT_ONCE = 50
TASK_FIELDS = ("task_id", "batch_id", "run_type", "task_type", "input", "output", "structure")
MATERIAL_FIELDS = ("material_id", "formula_pretty", "run_types", "task_types", "deprecated_tasks")

_NEEDED = ("run_types", "task_types")
_PAGE = 1000
_TASKS_PAGE = 100
"""The service gives no more calculations than this at once."""
_TRIES = 4
_SYSTEMS_AT_ONCE = 100


class Service:
    """What a download asks of the Materials Project's REST service.

    Args:
        key: the service's key.
        session: carries every request.

    Raises:
        StudyError: when the service cannot be reached or refuses the key.
    """

    def __init__(self, key: str, session: PoliteSession) -> None:
        from mp_api.client.core.settings import MAPI_CLIENT_SETTINGS
        from mp_api.client.core.utils import validate_endpoint
        from mp_api.client.routes.materials.materials import MaterialsRester
        from mp_api.client.routes.materials.tasks import TaskRester
        from mp_api.client.routes.materials.thermo import ThermoRester

        self._key = key
        self._session = session
        self._endpoint = validate_endpoint(MAPI_CLIENT_SETTINGS.ENDPOINT)
        self.heartbeat = listen(session, self._endpoint)
        heard = (self.heartbeat.database_version, list(self.heartbeat.restricted_batches))

        class Heard:
            """The constructors would ask for a heartbeat, without a time-out or a second try."""

            @staticmethod
            def _get_heartbeat_info(endpoint: str) -> tuple[str, list[str]]:  # noqa: ARG004
                return heard

        def rester(kind: type) -> object:
            # the client would work out the fields anew for each one of every query
            fields = list(kind.document_model.model_json_schema()["properties"])
            return type(kind.__name__, (Heard, kind), {"available_fields": fields})(
                api_key=key, session=session, use_document_model=False, mute_progress_bars=True
            )

        self._materials = rester(MaterialsRester)
        self._thermo = rester(ThermoRester)
        self._tasks = rester(TaskRester)

    def try_key(self) -> None:
        """One small query that needs the key.

        Raises:
            StudyError: when the service refuses it.
        """
        self._ask(
            self._materials.search,
            chemsys="Si",
            fields=["material_id"],
            num_chunks=1,
            chunk_size=1,
        )

    def listen(self) -> Heartbeat:
        """The heartbeat now."""
        return listen(self._session, self._endpoint)

    def materials(
        self, criteria: dict[str, object], fields: Sequence[str] = MATERIAL_FIELDS
    ) -> dict[str, dict]:
        """Documents of the materials that ``criteria`` select, by canonical identifier, in order.

        Args:
            criteria: keywords of the client's ``materials.search``.
            fields: of the documents.

        Raises:
            StudyError: when the documents received are not as many as the service counts.
        """
        counted = dict(criteria)
        if ids := counted.pop("material_ids", None):
            return self._materials_by_id(ids, fields)
        if (bounds := counted.pop("num_elements", None)) is not None:
            counted |= {"nelements_min": bounds[0], "nelements_max": bounds[1]}
        for name in ("elements", "chemsys"):
            if name in counted:
                counted[name] = ",".join(counted[name])
        counted |= {"deprecated": False, "_fields": "material_id", "_limit": 1}
        for _ in range(_TRIES):
            found = _by_id(
                self._ask(
                    self._materials.search, **criteria, fields=list(fields), chunk_size=_PAGE
                ),
                "material_id",
            )
            expected = self._ask(self._materials.count, counted)
            if len(found) == expected and not _without(found, fields):
                return found
        if len(found) != expected:
            raise StudyError(
                f"the Materials Project counts {expected} materials for the query but gave "
                f"{len(found)}, {_TRIES} times; its data may be changing just now: try later"
            )
        raise _not_whole(_without(found, fields))

    def _materials_by_id(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict]:
        wanted = sorted({canonical(identifier) for identifier in ids})
        found = {}
        for some in batches(wanted, IDS_AT_ONCE):
            found |= self._until_complete(
                some,
                lambda missing: self._ask(
                    self._materials.search,
                    material_ids=[shown(identifier) for identifier in missing],
                    fields=list(fields),
                    chunk_size=_PAGE,
                ),
                "material_id",
                needed=[name for name in _NEEDED if name in fields],
            )
        if incomplete := _without(found, fields):
            raise _not_whole(incomplete)
        return {identifier: found[identifier] for identifier in wanted if identifier in found}

    def main_entries(self, ids: Sequence[str], thermo_type: str) -> dict[str, dict]:
        """Energies of materials' main entries; a material without one is absent.

        Args:
            ids: canonical identifiers of materials.
            thermo_type: ``GGA_GGA+U`` or ``R2SCAN``, the service's names for what may be mixed.

        Returns:
            For each canonical identifier ``energy_per_atom`` in eV/atom without corrections,
            ``run_type``, and ``u_values``, the Hubbard U in eV by element.
        """
        found = {}
        for some in batches(sorted(ids), IDS_AT_ONCE):
            documents = self._thermo_documents(some, thermo_type)
            for identifier, document in _by_id(documents, "material_id").items():
                if identifier in some:
                    found[identifier] = _main_entry(document)
        return found

    def _thermo_documents(self, some: Sequence[str], thermo_type: str) -> list[dict]:
        for _ in range(_TRIES):
            documents = self._ask(
                self._thermo.search,
                material_ids=[shown(identifier) for identifier in some],
                thermo_types=[thermo_type],
                fields=[
                    "material_id",
                    "thermo_type",
                    "energy_type",
                    "uncorrected_energy_per_atom",
                    "entries",
                ],
                chunk_size=_PAGE,
            )
            of_type = [
                document
                for document in documents
                if str(document.get("thermo_type")).upper() == thermo_type.upper()
            ]
            incomplete = [
                canonical(document["material_id"])
                for document in of_type
                if document.get("uncorrected_energy_per_atom") is None
                or document.get("energy_type") not in (document.get("entries") or {})
            ]
            if not incomplete:
                return of_type
        raise _not_whole(incomplete)

    def tasks(self, ids: Sequence[str]) -> dict[str, dict]:
        """Documents of calculations by canonical identifier; asked again for those that do not
        come, or come without a field, until it is certain that the service has no more.

        Args:
            ids: canonical identifiers.
        """
        found = {}
        for some in batches(sorted(ids), IDS_AT_ONCE):
            found |= self._until_complete(
                some,
                lambda missing: self._ask(
                    self._tasks.search,
                    task_ids=[shown(identifier) for identifier in missing],
                    fields=list(TASK_FIELDS),
                    chunk_size=_TASKS_PAGE,
                ),
                "task_id",
                needed=("input", "output", "structure"),
            )
        return found

    def _until_complete(
        self, ids: Sequence[str], ask: object, name: str, needed: Sequence[str] = ()
    ) -> dict[str, dict]:
        found: dict[str, dict] = {}
        for _ in range(_TRIES):
            missing = [
                identifier
                for identifier in ids
                if identifier not in found
                or any(found[identifier].get(field) is None for field in needed)
            ]
            if not missing:
                break
            received = _by_id(ask(missing), name)
            found |= {key: received[key] for key in missing if key in received}
        return found

    def _ask(self, query: object, *arguments: object, **options: object) -> object:
        from mp_api.client.core.exceptions import MPRestError

        try:
            return query(*arguments, **options)
        except MPRestError as error:
            # The service's words may repeat what it was sent.
            said = " ".join(str(error).replace(self._key, "***").split())[:500]
            raise StudyError(
                f"the Materials Project's client could not answer a query: {said}. {KEPT}"
            ) from None
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            said = str(error).replace(self._key, "***")
            raise StudyError(
                "the Materials Project gave an answer of another form than its client knows "
                f"({type(error).__name__}: {said}); a newer mp-api may be needed. {KEPT}"
            ) from None


def batches(items: Sequence, size: int) -> Iterator[Sequence]:
    """``items`` in their order, ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def systems_within(elements: Sequence[str]) -> list[str]:
    """Every chemical system of some of ``elements``, as the service writes them."""
    from itertools import chain, combinations

    names = sorted(set(elements))
    subsets = chain.from_iterable(combinations(names, n + 1) for n in range(len(names)))
    return ["-".join(subset) for subset in subsets]


def criteria_of(query: dict[str, object]) -> list[dict[str, object]]:
    """The client's keywords for the section ``query``, one set for each search that it takes."""
    if query.get("everything"):
        # without any criterion the client would fetch its whole bulk file
        return [{"num_elements": (1, 200)}]
    if query.get("elements"):
        return [{"elements": sorted(set(query["elements"]))}]
    if query.get("material_ids"):
        return [{"material_ids": query["material_ids"]}]
    if query.get("made_of"):
        systems = systems_within(query["made_of"])
    else:
        systems = ["-".join(sorted(set(s.split("-")))) for s in query["chemical_systems"]]
    return [{"chemsys": some} for some in batches(sorted(set(systems)), _SYSTEMS_AT_ONCE)]


def _by_id(documents: Sequence[dict], name: str) -> dict[str, dict]:
    """Documents by canonical identifier, in order. Of documents that came twice the first in
    alphabetical order counts, so that the order of the answer does not matter."""
    found: dict[str, dict] = {}
    for document in documents:
        identifier = canonical(document[name])
        known = found.get(identifier)
        if known is None or _text(document) < _text(known):
            found[identifier] = document
    return dict(sorted(found.items()))


def _text(document: dict) -> str:
    return json.dumps(document, sort_keys=True, default=str)


def _without(documents: Mapping[str, dict], fields: Sequence[str]) -> list[str]:
    """Identifiers of the documents that lack what tells which calculations a material has."""
    needed = [name for name in _NEEDED if name in fields]
    return [
        identifier
        for identifier, document in documents.items()
        if any(document.get(name) is None for name in needed)
    ]


def _not_whole(incomplete: Sequence[str]) -> StudyError:
    listed = ", ".join(shown(identifier) for identifier in incomplete[:5])
    return StudyError(
        f"the Materials Project gave documents without a field that is needed, {_TRIES} times, "
        f"of {len(incomplete)} materials ({listed}{', …' if len(incomplete) > 5 else ''}); its "
        f"data may be changing just now: try later. {KEPT}"
    )


def _main_entry(document: dict) -> dict:
    kind = document["energy_type"]
    parameters = document["entries"][kind].get("parameters") or {}
    return {
        "energy_per_atom": float(document["uncorrected_energy_per_atom"]),
        "run_type": str(kind),
        "u_values": u_values(parameters.get("hubbards"), parameters.get("is_hubbard", True)),
    }


def u_values(hubbards: dict | None, is_hubbard: bool = True) -> dict[str, float]:
    """Hubbard U in eV by element, without those that are zero."""
    if not is_hubbard:
        return {}
    return {symbol: float(u) for symbol, u in sorted((hubbards or {}).items()) if u}

"""The kind `mp_api`: frames downloaded from the Materials Project."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.options import Options, PositiveFloat

_Element = Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")]
_Elements = Annotated[list[_Element], Field(min_length=1)]
_MAX_MADE_OF = 10


class MaterialsQuery(Options):
    """Which materials are asked for: exactly one of these keys."""

    elements: _Elements | None = None
    """Materials that hold all of these elements; others may be in them too."""
    made_of: _Elements | None = None
    """Materials that hold no other elements than these: every subsystem of up to ten elements."""
    chemical_systems: (
        Annotated[
            list[Annotated[str, Field(pattern=r"^[A-Z][a-z]?(-[A-Z][a-z]?)*$")]],
            Field(min_length=1),
        ]
        | None
    ) = None
    """Materials of exactly these chemical systems, e.g. Li-Mn-O."""
    material_ids: (
        Annotated[list[Annotated[str, Field(pattern=r"^mp-([0-9]+|[a-z]+)$")]], Field(min_length=1)]
        | None
    ) = None
    """Materials by identifier, e.g. mp-149; an unknown one is an error."""
    everything: Literal[True] | None = None
    """All materials. Many hours and a great deal of disk space; try a small query first."""

    @model_validator(mode="after")
    def _one_way_to_ask(self) -> "MaterialsQuery":
        given = [name for name, value in self if value is not None]
        if len(given) != 1:
            raise ValueError(
                f"takes exactly one of {', '.join(type(self).model_fields)}; "
                f"{'none is' if not given else ', '.join(given) + ' are'} given"
            )
        if self.made_of is not None and len(set(self.made_of)) > _MAX_MADE_OF:
            raise ValueError(
                f"made_of takes up to {_MAX_MADE_OF} elements, which are 1,023 chemical systems; "
                "ask for everything, or for several chemical_systems"
            )
        return self


class MaterialsProject(Options):
    """Trajectories of the Materials Project, downloaded with its own client, mp-api.

    The key of the service is read from the environment variable MP_API_KEY and written nowhere.
    """

    kind: Literal["mp_api"]
    query: MaterialsQuery
    labels: Literal["GGA_GGA+U", "r2SCAN"]
    """Which calculations: GGA and GGA+U, or r2SCAN."""
    mp2020_corrections: bool = True
    """Add the MP2020 corrections, which make GGA and GGA+U energies comparable. r2SCAN energies
    are always taken as they are."""
    task_types: Annotated[
        list[Literal["Structure Optimization", "Static"]], Field(min_length=1)
    ] = ["Structure Optimization", "Static"]
    """Kinds of calculations to take frames from."""
    unlisted_tasks: bool = True
    """r2SCAN only: take calculations too that the trajectories hold but no material lists yet."""
    folder: str | None = None
    """Folder of the download, relative to `data_folder`; null: downloads/source or
    downloads/target under the study's results. Another study may name the same folder."""
    requests_per_second: Annotated[PositiveFloat, Field(le=5)] = 4.0
    """Most requests a second to the service, which blocks addresses that go too fast."""
    keep_restricted: bool = False
    """Keep calculations whose licence differs from that of the rest, such as GNoME's
    (non-commercial)."""
    energy_tolerance: PositiveFloat | None = 0.02
    """A calculation counts when its final energy is this close to that of its material's main
    entry, in eV/atom; null takes all. MPtrj used 20 meV/atom."""
    same_u_values: bool = True
    """A calculation counts only with the Hubbard U values of its material's main entry."""

    def files(self, folder: str) -> list[str]:  # noqa: ARG002
        """Return the files that a person has to provide: none."""
        return []

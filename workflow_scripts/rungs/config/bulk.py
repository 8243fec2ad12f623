"""Kinds of sources that are read as a stream: bulk JSON, Parquet, ASE databases, VASP runs."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rungs.config.options import Options, UserPath
from rungs.config.published import whereabouts
from rungs.config.units import EnergyUnit, ForcesUnit, StressOrder, StressSign, StressUnit
from rungs.config.vasp_folders import find_runs


class Files(Options):
    """Files of a level, with or without a published division."""

    train: Annotated[list[UserPath], Field(min_length=1)]
    """Files with the training part, relative to `data_folder`."""
    test: list[UserPath] = []
    """Files with the published test part. When empty, the test materials are split off."""

    @model_validator(mode="after")
    def _listed_once(self) -> "Files":
        names = self.train + self.test
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the file {repeated[0]} is listed more than once; list it once")
        return self

    def files(self, folder: str) -> list[str]:
        """Return the paths of all files, which lie in ``folder``."""
        return [str(Path(folder) / name) for name in self.train + self.test]

    def whereabouts(self, path: str) -> str | None:
        """Where the published file of this name is to be had; None for a file of one's own."""
        return whereabouts(path)


class MaterialsJSON(Files):
    """JSON of frames nested by material, `{material: {frame: {structure, force, …}}}`, as MPtrj and
    MP-r2SCAN are published, or documents of this kind in a list or one a line; plain or packed.
    Energies are in eV, forces in eV/Å, stresses in kbar with VASP's sign (compression positive),
    magnetic moments in μB."""

    kind: Literal["mp_json"]
    energy: Literal["corrected", "uncorrected"] = "corrected"
    """Which energy is the label: `corrected` is `energy_per_atom` with MP2020 corrections, which
    CHGNet 0.3.0 was trained on; `uncorrected` is `uncorrected_total_energy`, which is what r2SCAN
    data have."""
    forces_key: str | None = "force"
    """Key of the forces; `force` and `forces` stand for each other. null where documents have
    none."""
    stress_order: StressOrder = "xx yy zz yz xz xy"
    """Order of a stress of six numbers; nine need none."""


class MatPESJSON(Files):
    """MatPES documents in JSON, `{structure, energy, forces, stress, …}`, in a list, by name in an
    object or one a line; plain or packed. Energies are in eV, forces in eV/Å, stresses in kbar
    (six or nine numbers, compression positive), magnetic moments in μB."""

    kind: Literal["matpes_json"]
    frame_key: str = "matpes_id"
    """Key of a document's own id; dots lead into nested objects."""
    material_key: str | None = "provenance.original_mp_id"
    """Key that tells which material a document belongs to: splits are by material. A document
    without it is a material of its own, and null makes each one."""
    functional: str | None = None
    """Documents whose `functional` is another are set aside, in any capitals; null takes all."""
    forces_key: str | None = "forces"
    """Key of the forces; `forces` and `force` stand for each other. null where documents have
    none."""
    stress_order: StressOrder = "xx yy zz yz xz xy"
    """Order of a stress of six numbers; nine need none."""
    magmoms: Literal["site_property", "bader"] | None = "site_property"
    """Magnetic moments: the sites' `magmom`, `bader_magmoms`, or none."""


class ParquetFiles(Files):
    """Parquet files with one frame a row, as MPContribs and MatPES publish them; units and signs
    are declared, never guessed. Structures are in the columns `cell` (lattice vectors as rows, Å),
    `atomic_numbers` and `cart_coords` (Å)."""

    kind: Literal["parquet"]
    frame_column: str | None
    """Column of a frame's own id; dots lead into nested columns. null numbers the rows."""
    material_column: str | None
    """Column that tells which material a frame belongs to: splits are by material. null makes each
    frame one."""
    energy_column: str | None = "energy"
    """Column of the total energy of the frame; null where there is none."""
    energy_unit: EnergyUnit | None = None
    """Unit of the energy, in any spelling; `eV/atom` where it is given per atom. Needed with
    `energy_column`."""
    forces_column: str | None = "forces"
    """Column of the forces, a vector for each atom; null where there are none."""
    forces_unit: ForcesUnit | None = None
    """Unit of the force components, in any spelling. Needed with `forces_column`."""
    stress_column: str | None
    """Column of the stress, 3 × 3 or six numbers; null where there is none."""
    stress_unit: StressUnit | None = None
    """Unit of the stress, in any spelling; needed with `stress_column`."""
    stress_sign: StressSign | None = None
    """`tension_positive` is ASE's and CHGNet's sign; VASP prints `compression_positive`."""
    stress_order: StressOrder = "xx yy zz yz xz xy"
    """Order of six numbers: Voigt's, or the one of VASP's OUTCAR."""
    magmoms_column: str | None = None
    """Column of the magnetic moments in μB; null where there are none."""
    functional_column: str | None = None
    """Column of the functional, to set frames of others aside; needs `functionals`."""
    functionals: list[str] = []
    """Functionals that are taken, in any capitals, e.g. `[GGA, GGA+U]`."""
    group_column: str | None = None
    """Column of a free label kept with each frame."""

    @model_validator(mode="after")
    def _declared(self) -> "ParquetFiles":
        for label in ("energy", "forces"):
            column, unit = (getattr(self, f"{label}_{what}") for what in ("column", "unit"))
            if column is not None and unit is None:
                raise ValueError(f"{label}_column is '{column}', so {label}_unit is needed too")
        if self.stress_column is not None and None in (self.stress_unit, self.stress_sign):
            raise ValueError("stress_column is set, so stress_unit and stress_sign are needed too")
        if (self.energy_column, self.forces_column, self.stress_column) == (None,) * 3:
            raise ValueError(
                "declares no label: give energy_column, forces_column or stress_column"
            )
        if (self.functional_column is None) != (not self.functionals):
            raise ValueError("functional_column and functionals are given together or not at all")
        return self


class ASEDatabase(Files):
    """ASE databases (SQLite or JSON) and trajectories (`.traj`) of frames with calculated energies
    and forces. Results of a calculator are in ASE's own units and sign, which are the defaults
    here; labels under other names are declared."""

    kind: Literal["ase_db"]
    energy_key: str | None = "energy"
    """Name of the energy: a result of the calculator, a key-value pair, or an item of a row's data
    or a frame's `info`; null where there is none."""
    energy_unit: EnergyUnit = "eV"
    """Unit of the energy; a calculator's results are in eV."""
    forces_key: str | None = "forces"
    """Name of the forces, likewise, or a frame's array; null where there are none."""
    forces_unit: ForcesUnit = "eV/Å"
    """Unit of the force components; a calculator's results are in eV/Å."""
    stress_key: str | None = "stress"
    """Name of the stress, likewise, six or nine numbers."""
    stress_unit: StressUnit = "eV/Å³"
    """Unit of the stress; a calculator's results are in eV/Å³."""
    stress_sign: StressSign = "tension_positive"
    """`tension_positive` is ASE's and CHGNet's sign; VASP prints `compression_positive`."""
    stress_order: StressOrder = "xx yy zz yz xz xy"
    """Order of six numbers: Voigt's, which is ASE's, or the one of VASP's OUTCAR."""
    magmoms_key: str | None = "magmoms"
    """Name of the magnetic moments in μB, likewise."""
    material_key: str | None = None
    """Key among a row's key-value pairs (of a trajectory, of a frame's `info`) that tells which
    material it belongs to: splits are by material. null makes each row one."""
    group_key: str | None = None
    """Key of a free label kept with each frame."""
    select: str | None = None
    """Rows of a database that are read, in ASE's own words, e.g. `calculator=vasp`; null reads
    all."""


class VaspRuns(Options):
    """A folder of VASP calculations, each with its `vasprun.xml`, plain or packed; every ionic step
    is a frame. A calculation's folder, relative to `folder`, is its material. Symbolic links are
    followed, and each file is read once; backup copies (`.bak`, `~`, …) are not read."""

    kind: Literal["vasp_runs"]
    folder: UserPath
    """Folder of the calculations, relative to `data_folder`."""
    pattern: str = "**/vasprun.xml*"
    """Which files in it are read; `**` stands for folders of any depth."""
    energy: Literal["e_0_energy", "e_fr_energy"] = "e_0_energy"
    """Energy of a step: extrapolated to zero smearing, or the free energy, whose derivative the
    forces are."""
    material_depth: Annotated[int, Field(ge=1)] | None = None
    """How many folders make the material's name: 1 takes `Si` of `Si/relax_1` and `Si/relax_2`, so
    that these stay together in splits; null takes them all."""

    @model_validator(mode="after")
    def _pattern_leads_inside(self) -> "VaspRuns":
        parts = PurePosixPath(self.pattern).parts
        if not parts or parts[0] == "/" or ".." in parts:
            raise ValueError(
                f"pattern '{self.pattern}' names no files in the folder; write it relative to "
                "`folder`, without '..'"
            )
        return self

    def files(self, folder: str) -> list[str]:
        """Return the paths of all runs; the folder itself where there is none yet."""
        root = Path(folder) / self.folder
        return [found.path for found in find_runs(root, self.pattern).files] or [str(root)]

    def whereabouts(self, path: str) -> None:
        """Return None: these are calculations of one's own."""

"""A small study of real models on a few crystals, and made-up errors of a whole one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rungs.config import Run
from rungs.frames.elements import MAX_ATOMIC_NUMBER
from rungs.frames.frame import Frame
from rungs.graphs.store import GraphStore, write_graphs
from rungs.potentials.model_files import save_model
from rungs.potentials.models import new_model
from rungs.potentials.references import set_reference
from rungs.splits.files import write_split
from rungs.splits.split import SplitRow

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], dtype=float)
CRYSTALS = {
    "NaCl": (11, 17, 2.82),
    "MgO": (12, 8, 2.11),
    "FeO": (26, 8, 2.16),
    "KCl": (19, 17, 3.1),
}


def make_frames(functional: str, shift: float) -> list[Frame]:
    """Three frames of each crystal; the second has no stress, and only FeO has moments."""
    rng = np.random.default_rng(3)
    frames = []
    for name, (cation, anion, half) in CRYSTALS.items():
        for i in range(3):
            coords = np.array([[0.0, 0, 0], [half, half, half]]) + rng.normal(0, 0.05, (2, 3))
            frames.append(
                Frame(
                    frame_id=f"{name}-{i}",
                    material_id=name,
                    functional=functional,
                    cell=FCC * half,
                    atomic_numbers=[cation, anion],
                    cart_coords=coords,
                    energy=2 * (-3.0 + shift + 0.1 * i + 0.01 * rng.normal()),
                    forces=rng.normal(0, 0.3, (2, 3)),
                    stress=None if i == 1 else rng.normal(0, 1, 6),
                    magmoms=[3.7, 0.1] if name == "FeO" else None,
                    group="rattled" if i else "relaxed",
                )
            )
    return frames


class ToyStudy:
    """Files of a study whose test frames are all frames."""

    def __init__(self, folder, frames_of_level, architecture):
        self.folder, self.architecture = folder, architecture
        self.frames = frames_of_level
        for level, frames in frames_of_level.items():
            write_graphs(frames, self.graphs(level), 4.0, 3.0)
        self.split = folder / "split.csv"
        write_split(
            self.split,
            [
                SplitRow(level, f.material_id, f.frame_id, "test")
                for level, frames in frames_of_level.items()
                for f in frames
            ],
        )

    def graphs(self, level):
        return self.folder / f"{level}.safetensors"

    def store(self, level="target"):
        return GraphStore.open(self.graphs(level))

    def model(self, name, seed, reference):
        path = self.folder / f"{name}.pt"
        model = new_model(self.architecture, seed)
        set_reference(model, np.full(MAX_ATOMIC_NUMBER, reference))
        save_model(model, path)
        return path


@pytest.fixture(scope="session")
def toy(tmp_path_factory, toy_architecture):
    levels = {"source": make_frames("GGA", 0.0), "target": make_frames("r2SCAN", -20.0)}
    return ToyStudy(tmp_path_factory.mktemp("toy"), levels, toy_architecture)


@pytest.fixture
def study_of(toy_architecture):
    """Makes a study whose frames have other labels."""

    def make(folder, lacking=lambda _: (), **changes):
        frames = [replace(frame, **changes) for frame in make_frames("PBE", 0.0)]
        frames = [replace(frame, **dict.fromkeys(lacking(frame))) for frame in frames]
        return ToyStudy(folder, {"target": frames}, toy_architecture)

    return make


@pytest.fixture(scope="session")
def toy_runs(toy):
    return {
        Run("transfer", 10, 0): toy.model("a", 0, -22.8),
        Run("transfer", 10, 1): toy.model("b", 1, -23.2),
    }


def made_up_test_frames(formulas: dict[str, float], per_material: int = 2) -> pd.DataFrame:
    """Test frames of materials with the given lowest energies in eV/atom."""

    rows = []
    for formula, energy in formulas.items():
        n_elements = sum(c.isupper() for c in formula.split("/")[0])
        for i in range(per_material):
            rows.append(
                {
                    "frame_id": f"{formula}-{i}",
                    "material_id": formula,
                    "formula": formula.split("/")[0],
                    "n_atoms": 2,
                    "n_elements": n_elements,
                    "group": None,
                    "energy_ev_per_atom": energy + 0.03 * ((i + 1) % per_material),
                    "reference_ev_per_atom": 0.0,
                    "max_force_ev_per_angstrom": 0.1 + i,
                    "energy_above_lowest_mev_per_atom": 30.0 * ((i + 1) % per_material),
                }
            )
    return pd.DataFrame(rows)


@pytest.fixture
def test_frames_of():
    return made_up_test_frames


class MadeUp:
    """Errors of a run: what :class:`rungs.evaluation.frames.FrameErrors` gives."""

    def __init__(self, table, energy_errors, seed=0):
        rng = np.random.default_rng(seed)
        n = len(table)
        true = table["energy_ev_per_atom"].to_numpy()
        stress = rng.lognormal(0, 1, n)
        stress[::2] = np.nan
        self._columns = {
            "n_atoms": table["n_atoms"].to_numpy(),
            "n_magmoms": np.zeros(n, dtype=int),
            "energy_true_ev_per_atom": true,
            "energy_predicted_ev_per_atom": true + np.asarray(energy_errors) / 1000,
            "energy_error_mev_per_atom": np.asarray(energy_errors, dtype=float),
            "force_mae_mev_per_angstrom": rng.lognormal(3, 1, n),
            "force_rmse_mev_per_angstrom": rng.lognormal(3.2, 1, n),
            "force_max_error_mev_per_angstrom": rng.lognormal(5, 1, n),
            "stress_mae_gpa": stress,
            "magmom_mae_mu_b": np.full(n, np.nan),
        }

    def columns(self):
        return self._columns


@pytest.fixture
def made_up():
    return MadeUp

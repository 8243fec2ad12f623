"""What the jobs that only read tables load: each of some 25 jobs pays for its imports anew."""

import ast
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "workflow_scripts"
WITH_A_NETWORK = {
    "build_graphs",
    "calculate_properties",
    "calculate_reference_properties",
    "estimate",
    "evaluate",
    "evaluate_pretrained",
    "export_models",
    "fine_tune",
    "fit_references",
    "predict_interactions",
    "predict_levels",
    "predict_pseudolabels",
    "pretrain",
    "record_gradients",
    "simulate",
    "simulate_reference",
    "try_recipe",
}
BEFORE_THE_TRAININGS = {
    "check_methods",
    "cluster_frames",
    "download",
    "draw_subsets",
    "make_frames",
    "split_materials",
    "tabulate_sampling",
}
# A step of a training, as most jobs of a study are trainings on few frames.
STEP = """
import sys
import numpy as np
import torch
from rungs.config.architectures import CHGNetArchitecture
from rungs.config.training import Training
from rungs.graphs.build import build_graph
from rungs.graphs.store import GraphStore
from rungs.potentials.models import new_model
from rungs.training.runs import fine_tune
from rungs.training.step import Step

graph = build_graph(np.eye(3) * 2.6, [26], [[0, 0, 0]], 4.0, 3.0)
model = new_model(CHGNetArchitecture(atom_graph_cutoff=4.0, bond_graph_cutoff=3.0), 0)
options = Training(updates=1, batch_size=1)
step = Step(model, GraphStore.from_graphs([graph], 4.0, 3.0), options, torch.device("cpu"))
gradient, terms = step.gradient(np.arange(1))
step.apply(gradient, terms["gradient_norm"], 0, 1e-3)
print(*sorted(set(sys.argv[1:]) & set(sys.modules)))
"""
ANALYSIS = sorted(
    {path.stem for path in SCRIPTS.glob("*.py")} - WITH_A_NETWORK - BEFORE_THE_TRAININGS
)


def imports_of(script):
    """The import statements of a script, those inside its one block included."""
    tree = ast.parse((SCRIPTS / f"{script}.py").read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return "\n".join(map(ast.unparse, found))


def test_the_slow_scripts_are_there():
    for script in WITH_A_NETWORK | BEFORE_THE_TRAININGS:
        assert (SCRIPTS / f"{script}.py").exists(), script


def test_analysis_loads_nothing_heavy():
    code = "\n".join(imports_of(script) for script in ANALYSIS)
    code += "\nimport sys\nprint(*({'torch', 'chgnet', 'ase', 'pymatgen'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=SCRIPTS, capture_output=True, text=True
    )
    assert not done.stdout.split()


def test_a_training_loads_no_compiler_and_no_parsers():
    """Which together take longer than PyTorch: its compiler, and what chgnet's packages import."""
    heavy = ["torch._dynamo", "sympy", "scipy", "ase", "pandas", "matplotlib", "pymatgen.io.vasp"]
    done = subprocess.run(
        [sys.executable, "-c", STEP, *heavy],
        check=True,
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
    )
    assert not done.stdout.split()

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
    "compare_references",
    "estimate",
    "evaluate",
    "evaluate_pretrained",
    "fine_tune",
    "fit_references",
    "pretrain",
    "record_gradients",
    "simulate",
    "simulate_reference",
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

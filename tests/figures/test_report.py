"""The report's texts render, as Snakemake renders them, for every study that is shipped."""

import copy
import io
from types import SimpleNamespace

import pytest
import yaml

jinja2 = pytest.importorskip("jinja2")
docutils_core = pytest.importorskip("docutils.core")

CAPTIONS = {
    "configuration",
    "costs",
    "distributions",
    "efficiency",
    "element_errors",
    "equation_of_state",
    "errors_by_element",
    "errors_by_group",
    "evaluation",
    "forgetting",
    "gradients",
    "histories",
    "joint_laws",
    "law_checks",
    "learning_curve_table",
    "learning_curves",
    "level_shifts",
    "levels",
    "methods",
    "models",
    "models_table",
    "strategies",
    "strategies_table",
    "parity",
    "phonons",
    "plan",
    "properties",
    "properties_table",
    "property_effects",
    "provenance",
    "recipes",
    "reference_shift",
    "references",
    "sampling",
    "scaling_laws",
    "size_laws",
    "split",
    "stability",
    "tuning",
    "table1",
    "temperature_transfer",
    "workflow",
    "worst_frames",
}


def render(path, config, files=()):
    environment = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    text = environment.from_string(path.read_text(encoding="utf-8")).render(
        snakemake=SimpleNamespace(config=config), files=files
    )
    complaints = io.StringIO()
    html = docutils_core.publish_parts(
        text, writer="html", settings_overrides={"warning_stream": complaints}
    )["html_body"]
    assert complaints.getvalue() == "", path
    assert "{{" not in html
    return html


@pytest.fixture
def configs(repository):
    paths = [repository / "config.yaml", *sorted((repository / "config").glob("*.yaml"))]
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]


def test_every_text_renders_without_complaint(repository, configs):
    report = repository / "report"
    assert {path.stem for path in report.glob("*.rst")} == CAPTIONS
    for config in configs:
        for name in CAPTIONS:
            html = render(report / f"{name}.rst", config)
            assert len(html) > 200, name


def test_model_labels_are_called_that(repository, configs):
    default = configs[0]
    html = render(repository / "report/workflow.rst", default)
    assert html.count("not DFT") == 2
    assert "0.3.0" in html
    half = copy.deepcopy(default)
    half["target"]["data"] = {"kind": "extended_xyz", "train": ["a.xyz"]}
    html = render(repository / "report/workflow.rst", half)
    assert html.count("not DFT") == 1
    assert "frames from a.xyz, with the labels" in html
    assert "not DFT" not in render(repository / "report/evaluation.rst", half)
    half["source"]["data"] = half["target"]["data"]
    html = render(repository / "report/workflow.rst", half)
    assert "DFT" not in html.replace(default["title"], "")


def test_the_opening_page_comes_before_the_data(repository, configs, tmp_path):
    """It lies above the page of the learning curves, which the report always has."""
    files = [
        SimpleNamespace(path=tmp_path / name)
        for name in ("figures/methods.png", "pages/learning_curve.html")
    ]
    workflow = repository / "report/workflow.rst"
    assert "Some frames" not in render(workflow, configs[0], files)
    (tmp_path / "opening.rst").write_text("Some frames are saved.\n")
    html = render(workflow, configs[0], files)
    places = [html.index(text) for text in ("The question.", "Some frames", "The data.")]
    assert places == sorted(places)


def test_methods_are_described_by_their_settings(repository, configs):
    config = copy.deepcopy(configs[0])
    config["methods"] = {
        "mine_": {
            "initial": "pretrained",
            "reference": "target",
            "reference_fitted_on": "subset",
            "train_reference": True,
            "copy_embedding": {"Ge": "Si"},
            "sizes": [10, 32],
        }
    }
    config["pretraining"] = {"initial": "0.3.0", "training": None}
    html = " ".join(render(repository / "report/workflow.rst", config).split())
    assert "the target fitted on the run's own subset and trained along" in html.replace(
        "&#8217;", "'"
    ).replace("&#x27;", "'")
    assert "embeddings copied: Ge from Si; sizes 10, 32." in html
    assert "taken as it is" in html

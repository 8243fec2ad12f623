"""The page that the report opens with."""

import base64
import io

import pandas as pd
import pytest

from rungs.figures.opening import opening_page

docutils_core = pytest.importorskip("docutils.core")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300


@pytest.fixture
def page(study, tmp_path):
    def make(
        means=None,
        answer="Pretraining saves *some* frames.",
        methods=("scratch", "target_reference", "never_run"),
    ):
        (tmp_path / "f.png").write_bytes(PNG)
        _, all_means, _ = study()
        return opening_page(
            answer,
            tmp_path / "f.png",
            all_means if means is None else means,
            target="r2SCAN",
            methods=methods,
        )

    return make


def html(page):
    complaints = io.StringIO()
    body = docutils_core.publish_parts(
        page, writer="html", settings_overrides={"warning_stream": complaints}
    )["html_body"]
    assert complaints.getvalue() == ""
    return body


def test_answer_figure_and_table_in_this_order(page, study):
    body = html(page())
    places = [body.index(text) for text in ("The answer.", "<img", "<table")]
    assert places == sorted(places)
    assert base64.b64encode(PNG).decode() in body
    tables = pd.read_html(io.StringIO(body))
    assert len(tables) == 1
    assert list(tables[0].columns) == ["r2SCAN frames", "scratch", "target reference"]
    assert list(tables[0]["r2SCAN frames"]) == [0, 10, 32, 100, 320, 1000]
    _, means, _ = study()
    rows = means[(means["method"] == "target_reference") & (means["size"] == 0)]
    energy = rows.loc[rows["metric"] == "energy_mae_mev_per_atom", "mean"].iloc[0]
    assert energy == pytest.approx(142)
    assert tables[0]["target reference"][0].startswith("142 / ")
    assert pd.isna(tables[0]["scratch"][0])


def test_without_an_answer_or_without_errors(page, study):
    assert "The answer" not in page(answer=None)
    _, means, _ = study()
    assert "list-table" not in page(means=means.iloc[:0])
    energy_only = means[means["metric"] == "energy_mae_mev_per_atom"]
    table = page(means=energy_only)
    assert "energy MAE (meV/atom) on the test frames" in table
    assert " / " not in table.split("list-table")[1]


def test_many_sentences_are_a_list_and_many_methods_are_rows(page, study):
    _, means, _ = study()
    one = means[means["method"] == "scratch"]
    many = pd.concat([one.assign(method=f"way_{i}") for i in range(8)])
    names = [f"way_{i}" for i in range(8)]
    text = page(means=many, answer="One.\nTwo.\nThree.", methods=names)
    body = html(text)
    assert body.count("<li>") == 3
    (table,) = pd.read_html(io.StringIO(body))
    assert list(table.columns) == ["r2SCAN frames", "10", "32", "100", "320", "1,000"]
    assert list(table["r2SCAN frames"]) == [name.replace("_", " ") for name in names]

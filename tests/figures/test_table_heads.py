"""The words and units above the columns of tables."""

import re

import pytest

from rungs.classical.sampling import SAMPLING_COLUMNS
from rungs.evaluation.breakdown import ELEMENT_MEAN_COLUMNS, GROUP_COLUMNS, WORST_COLUMNS
from rungs.evaluation.forgetting import FORGETTING_COLUMNS
from rungs.evaluation.levels import CORRELATION_COLUMNS
from rungs.evaluation.references import REFERENCE_ERROR_COLUMNS
from rungs.evaluation.table1 import TABLE1_COLUMNS
from rungs.evaluation.tables import EVALUATION_COLUMNS, LEARNING_CURVE_COLUMNS
from rungs.evaluation.temperatures import TEMPERATURE_COLUMNS
from rungs.figures.table_heads import HEADS, OTHERWISE, Head, head_of, interval_head, words_of
from rungs.figures.table_pages import columns_of
from rungs.properties.effect import PROPERTY_COLUMNS
from rungs.records.provenance import TABLE_COLUMNS
from rungs.scaling.answers import (
    checks,
    efficiency,
    joint_law_table,
    law_table,
    models,
    plan,
    size_law_table,
    stability,
    strategies,
)
from rungs.splits.summary import PartSummary
from rungs.training.costs import COST_COLUMNS
from rungs.training.gradients import GRADIENT_COLUMNS
from rungs.training.recipes import RECIPE_COLUMNS, TRIAL_COLUMNS

TABLES = {
    "costs": COST_COLUMNS,
    "efficiency": efficiency.COLUMNS,
    "errors_by_element": ELEMENT_MEAN_COLUMNS,
    "errors_by_group": GROUP_COLUMNS,
    "evaluation": EVALUATION_COLUMNS,
    "forgetting": FORGETTING_COLUMNS,
    "gradients": GRADIENT_COLUMNS,
    "joint_laws": joint_law_table.COLUMNS,
    "law_checks": checks.COLUMNS,
    "learning_curve": LEARNING_CURVE_COLUMNS,
    "level_correlations": CORRELATION_COLUMNS,
    "models": models.COLUMNS,
    "plan": plan.COLUMNS,
    "properties": PROPERTY_COLUMNS,
    "provenance": TABLE_COLUMNS,
    "recipes": RECIPE_COLUMNS,
    "reference_errors": REFERENCE_ERROR_COLUMNS,
    "sampling": SAMPLING_COLUMNS,
    "scaling_laws": law_table.COLUMNS,
    "size_laws": size_law_table.COLUMNS,
    "split_summary": PartSummary._fields,
    "stability": stability.STABILITY_COLUMNS,
    "strategies": strategies.COLUMNS,
    "table1": TABLE1_COLUMNS,
    "temperature_transfer": TEMPERATURE_COLUMNS,
    "tuning_trials": TRIAL_COLUMNS,
    "worst_frames": WORST_COLUMNS,
}
"""Every table that the report may have."""


def test_the_report_has_no_other_tables(repository):
    rules = (repository / "rules/12_report.smk").read_text(encoding="utf-8")
    text = rules[rules.index("tables_of_report = {") : rules.index("of_the_run = ")]
    assert set(re.findall(r'^    "(\w+)":', text, flags=re.MULTILINE)) == set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_head_of_its_own(table):
    columns = columns_of([list(TABLES[table])], table)
    shown = [name for column in columns for name in column.names]
    assert sorted(shown) == sorted(TABLES[table])
    for column in columns:
        assert column.head.words
        if len(column.names) == 1:
            name = column.names[0]
            assert name in HEADS or (table, name) in OTHERWISE, name
    heads = [(column.head.words, column.head.unit) for column in columns]
    assert len(set(heads)) == len(heads)
    assert not any("_" in text for head in heads for text in head)


def test_an_interval_is_named_after_its_value():
    assert interval_head("exponent") == Head("exponent: 90 % interval, seeds")
    wider = interval_head("break", with_materials=True)
    assert wider == Head("break: 90 % interval, seeds and test materials", "frames")


def test_the_table_may_decide_what_a_column_is():
    assert head_of("size", "costs") != head_of("size", "evaluation")


def test_an_unknown_column_is_put_into_words():
    assert head_of("band_gap_ev_per_atom") == Head("band gap", "eV/atom")
    assert head_of("something_new") == Head("something new")


def test_entries_are_put_into_words_where_they_are_names_of_code():
    assert words_of("magmom_mae_mu_b", "metric") == "magnetic moment MAE, μB"
    assert words_of("lattice_constant", "property") == "lattice constant"
    assert words_of("target_reference", "method") == "target_reference"

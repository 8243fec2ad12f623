"""What fine-tuning made the models forget: errors on the source's own test frames."""

from collections.abc import Iterable, Mapping

FORGETTING_COLUMNS = (
    "method",
    "size",
    "seed",
    "property",
    "unit",
    "mae",
    "rmse",
    "n",
    "pretrained_mae",
    "ratio",
)


def forgetting_rows(
    runs: Iterable[Mapping[str, str]],
    pretrained: Mapping[str, Iterable[Mapping[str, str]]],
    pretraining_of: Mapping[str, str],
) -> list[dict]:
    """Return rows of ``forgetting.csv``: every run's errors on the source's test frames beside
    those of the model that was pretrained for its method; ``ratio`` is the first MAE over the
    second.

    Args:
        runs: rows of ``evaluation.csv``'s columns, from
            :func:`rungs.evaluation.runs.evaluate_on_source`.
        pretrained: the same of each pretrained model alone, by the name of its pretraining.
        pretraining_of: name of the pretraining of each method.
    """
    baseline = {
        (name, row["property"]): float(row["mae"])
        for name, errors in pretrained.items()
        for row in errors
    }
    rows = []
    for row in runs:
        before = baseline[pretraining_of[row["method"]], row["property"]]
        ratio = float(row["mae"]) / before if before > 0 else None
        rows.append({**row, "pretrained_mae": before, "ratio": ratio})
    return rows

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
    runs: Iterable[Mapping[str, str]], pretrained: Iterable[Mapping[str, str]]
) -> list[dict]:
    """Return rows of ``forgetting.csv``: every run's errors on the source's test frames beside
    those of the pretrained model; ``ratio`` is the first MAE over the second.

    Args:
        runs: rows of ``evaluation.csv``'s columns, from
            :func:`rungs.evaluation.runs.evaluate_on_source`.
        pretrained: the same of the pretrained model alone.
    """
    baseline = {row["property"]: float(row["mae"]) for row in pretrained}
    rows = []
    for row in runs:
        before = baseline[row["property"]]
        ratio = float(row["mae"]) / before if before > 0 else None
        rows.append({**row, "pretrained_mae": before, "ratio": ratio})
    return rows

"""What a plan answers, and the rows that its answers are."""

from dataclasses import dataclass

FRAMES = "frames for this error"
ERROR = "error from these frames"
GAIN = "gain of more frames"
CATCH_UP = "scratch catches up"
QUESTIONS = (FRAMES, ERROR, GAIN, CATCH_UP)


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of ``plan.csv``: one question about one method in one metric."""

    method: str
    metric: str
    question: str
    """One of ``QUESTIONS``."""
    given: float | None = None
    """The error asked for (in the metric's unit), or the frames that there are already."""
    more: int | None = None
    """Frames added to ``given``, for the gain."""
    answer: float | None = None
    """Frames, or an error (or its decrease) in the metric's unit; None where out of range."""
    low: float | None = None
    high: float | None = None
    """90 % interval from the seeds; an end beyond the curve is None. ``low`` can be there without
    an answer: the answer lies beyond the curve, its interval reaches into it."""
    n_materials: int | None = None
    """Test materials behind the next two; None where these could not be had."""
    low_with_materials: float | None = None
    high_with_materials: float | None = None
    """The interval from seeds and test materials together."""
    reaches_from: int | None = None
    reaches_to: int | None = None
    """Sizes between which the curve supports an answer."""
    cost: float | None = None
    """Of the frames in the answer; for the gain, of the frames added."""
    cost_low: float | None = None
    cost_high: float | None = None
    cost_low_with_materials: float | None = None
    cost_high_with_materials: float | None = None
    cost_unit: str = ""
    note: str = ""
    """Why there is no answer or no end of the interval, and what else a reader should know."""


@dataclass(frozen=True, slots=True)
class Price:
    """What making one target frame costs."""

    amount: float
    unit: str


CALCULATIONS = Price(1.0, "calculations")

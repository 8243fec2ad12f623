"""Events for TensorBoard: a training to look at while it runs.

The tables stay the results; events are for the eye, and no output of a job. The package is asked
for only where a study wants it.
"""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rungs.workflow.packages import require

POINTS = 200
"""Updates of a training that are shown besides its validations, at most about as many."""
_NOT_SHOWN = {"update", "epoch", "seconds"}


class EventWriter:
    """Writes a training's events into a folder that is its own.

    A training that goes on keeps the events up to the update it goes on from, each once: what came
    after them is done again and would stand there twice.

    Args:
        folder: for this training's events alone.
        done: updates that stand; 0 begins anew.
        n_updates: budget of the training.

    Raises:
        StudyError: when tensorboard is not installed.
    """

    def __init__(self, folder: Path, done: int, n_updates: int) -> None:
        require("tensorboard", "tracking.tensorboard: true")
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event = Event
        self.every = max(1, n_updates // POINTS)
        earlier = sorted(folder.glob("events.out.tfevents.*"))
        kept = list(_events(earlier, done))
        self._writer = EventFileWriter(str(folder), flush_secs=10)
        for event in kept:
            self._writer.add_event(event)
        self._writer.flush()
        for path in earlier:
            path.unlink()

    def add_validation(self, row: Mapping[str, object]) -> None:
        """Show a row of the history, under ``train/`` and ``validation/``."""
        values = {_tag(name): value for name, value in row.items() if name not in _NOT_SHOWN}
        self._add(row["update"], values)

    def add_update(self, update: int, terms: Mapping[str, float], learning_rate: float) -> None:
        """Show an update under ``update/``, where it is one of those that are shown."""
        if update % self.every == 0:
            values = {"loss": terms["train_loss"], "gradient_norm": terms["gradient_norm"]}
            values["learning_rate"] = learning_rate
            self._add(update, {f"update/{name}": value for name, value in values.items()})

    def close(self) -> None:
        """Write what waits, and end."""
        self._writer.close()

    def _add(self, step: int, values: Mapping[str, object]) -> None:
        event = self._event(step=step, wall_time=time.time())
        for tag, value in values.items():
            if value is not None and math.isfinite(value):
                event.summary.value.add(tag=tag, simple_value=value)
        self._writer.add_event(event)


@contextlib.contextmanager
def tracking(folder: Path | None, done: int, n_updates: int) -> Iterator[EventWriter | None]:
    """Give a writer that is closed at the end; None where nothing is tracked."""
    if folder is None:
        yield None
        return
    writer = EventWriter(Path(folder), done, n_updates)
    try:
        yield writer
    finally:
        writer.close()


def _events(paths: list[Path], last: int) -> Iterator:
    """Yield what the files show up to the update ``last``, every tag and update once."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    seen = set()
    for path in paths:
        # A file whose writer was killed may break off within an event; the loader stops there.
        for event in LegacyEventFileLoader(str(path)).Load():
            key = event.step, tuple(value.tag for value in event.summary.value)
            if key[1] and event.step <= last and key not in seen:
                seen.add(key)
                yield event


def _tag(column: str) -> str:
    """TensorBoard's name for a column of the history: a group, a slash, a name."""
    group, _, name = column.partition("_")
    return f"{group}/{name}" if group in ("train", "validation") else f"train/{column}"

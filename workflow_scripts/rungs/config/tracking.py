"""Where trainings are shown while they run."""

from rungs.config.options import Options


class Tracking(Options):
    """Trainings to look at while they run, besides `history.csv` and the log, which always are
    written. Nothing is trained anew when this changes."""

    tensorboard: bool = False
    """Whether each training writes events for TensorBoard, into a folder of its own under
    `results/<study>/tensorboard`; needs the extra `tensorboard`."""

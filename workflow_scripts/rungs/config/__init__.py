"""The typed configuration of a study."""

from rungs.config.loading import load_study, read_study
from rungs.config.study import Run, Study

__all__ = ["Run", "Study", "load_study", "read_study"]

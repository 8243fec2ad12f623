"""The sections of a study's configuration."""

from typing import Annotated

from pydantic import Field

from rungs.config.architectures import AnyArchitecture
from rungs.config.data import Level, Screening, Split, Subsets, TargetLevel
from rungs.config.evaluation import Evaluation
from rungs.config.methods import Method
from rungs.config.models import Model
from rungs.config.options import Name, Options, Seed, UserPath
from rungs.config.plan import Plan
from rungs.config.pools import Pool
from rungs.config.properties import Properties
from rungs.config.simulations import Simulations
from rungs.config.tracking import Tracking
from rungs.config.training import Pretraining, Training
from rungs.config.tuning import Tuning


class Sections(Options):
    """A scaling-law study of transfer learning from a source to a target level of theory."""

    study: Name
    """Name of the study; everything it writes goes to results/<study>/."""
    title: str
    """One line for figures' captions and the report."""
    seed: Seed = 0
    """Every random choice of the study derives from it."""
    data_folder: UserPath = "."
    """Folder that the file names in `source` and `target` are relative to; `~` and environment
    variables such as `$HOME` are expanded, here and in the names."""
    source: Level
    """The cheap, large dataset that pretraining uses."""
    target: TargetLevel
    """The expensive dataset whose learning curve is asked for."""
    screening: Screening = Screening()
    split: Split = Split()
    subsets: Subsets
    architecture: AnyArchitecture | None = None
    """Needed where pretraining starts from `random`; otherwise the published model's. A study with
    several networks has the section `models` in its place."""
    pretraining: Pretraining
    fine_tuning: Training
    """The same for every method and size, from scratch included, but for what a method's own
    `training` or `tuning` changes."""
    tuning: Tuning | None = None
    """Search for the best recipe of each method; null searches for none."""
    models: dict[Name, Model] = {}
    """Networks of several kinds or sizes by name, each with its own pretraining and runs."""
    methods: Annotated[dict[Name, Method], Field(min_length=1)]
    pools: dict[Name, Pool] = {}
    """Parts of the target's training frames by name, for methods that are kept to one."""
    plan: Plan = Plan()
    evaluation: Evaluation = Evaluation()
    simulations: Simulations | None = None
    """Molecular dynamics with the finished models; null runs none."""
    properties: Properties | None = None
    """Properties that no model was trained on; null computes none."""
    tracking: Tracking = Tracking()

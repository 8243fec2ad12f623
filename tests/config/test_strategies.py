"""Which methods are compared as ways of using both levels."""

import pytest
import yaml

from rungs.config import load_study
from rungs.config.strategies import plain_transfer, strategies

SCRATCH = {"initial": "random", "reference": "target"}
PLAIN = {"initial": "pretrained", "reference": "target"}


@pytest.fixture
def study_of(repository):
    values = yaml.safe_load((repository / "config.yaml").read_text())

    def make(**methods):
        return load_study(values | {"methods": methods})

    return make


def test_plain_fine_tuning_and_what_is_like_it(study_of):
    study = study_of(
        scratch=SCRATCH,
        frozen=PLAIN | {"freeze": ["readout"]},
        plain=PLAIN,
        other=PLAIN | {"reference": "source"},
        replay=PLAIN | {"companion": {}},
        delta=PLAIN | {"delta": True},
    )
    assert plain_transfer(study) == "plain"
    assert strategies(study) == ["scratch", "frozen", "plain", "replay", "delta"]


def test_without_a_strategy_nothing_is_compared(study_of):
    assert strategies(study_of(scratch=SCRATCH, plain=PLAIN)) == []
    assert strategies(study_of(plain=PLAIN, none=PLAIN | {"companion": {"share": 0.0}})) == []


def test_without_plain_fine_tuning_nothing_is_compared(study_of):
    study = study_of(scratch=SCRATCH, adapters=PLAIN | {"adapters": {}})
    assert plain_transfer(study) is None
    assert strategies(study) == []


def test_a_strategy_of_other_subsets_is_not_like_it(study_of):
    study = study_of(plain=PLAIN, replay=PLAIN | {"companion": {}, "sampling": "element_covering"})
    assert strategies(study) == []

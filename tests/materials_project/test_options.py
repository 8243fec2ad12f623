"""What may be asked for."""

import pytest
import yaml

from rungs.config import load_study
from rungs.errors import StudyError


@pytest.fixture
def study(repository):
    """The example's values, to be changed."""
    with open(repository / "config/materials_project.yaml") as handle:
        return yaml.safe_load(handle)


def test_the_example_is_a_study(study):
    loaded = load_study(study)
    assert loaded.source.data.kind == loaded.target.data.kind == "mp_api"
    assert loaded.source.data.query == loaded.target.data.query


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"query": {}}, "source.data.query: takes exactly one of elements, made_of"),
        ({"query": {"elements": ["Li"], "everything": True}}, "elements, everything are given"),
        ({"query": {"elements": ["li"]}}, "source.data.query.elements.0"),
        ({"query": {"chemical_systems": ["Li O"]}}, "source.data.query.chemical_systems.0"),
        ({"query": {"material_ids": ["149"]}}, "source.data.query.material_ids.0"),
        ({"query": {"elemnts": ["Li"]}}, "did you mean 'elements'?"),
        ({"query": {"made_of": list("HCNOFPSKIBY")}}, "made_of takes up to 10 elements"),
        ({"labels": "GGA_GGA+U_R2SCAN"}, "source.data.labels"),
        ({"requests_per_second": 6}, "source.data.requests_per_second"),
        ({"requests_per_second": 0}, "source.data.requests_per_second"),
        ({"api_key": "x" * 32}, "source.data.api_key: unknown key"),
    ],
)
def test_what_cannot_be_asked_is_named(study, data, said):
    study["source"]["data"] |= data
    with pytest.raises(StudyError) as caught:
        load_study(study)
    assert said in str(caught.value)

"""Seeds are independent, reproducible, and 0 counts like any other."""

from hypothesis import given, settings
from hypothesis import strategies as st

from rungs.seeds import derive_seed


@given(st.integers(0, 2**40), st.text(), st.integers())
@settings(deadline=None)
def test_same_purpose_same_seed(seed, purpose, index):
    value = derive_seed(seed, purpose, index)
    assert value == derive_seed(seed, purpose, index)
    assert 0 <= value < 2**63


def test_seeds_differ_between_purposes():
    made = {derive_seed(s, p, k) for s in range(5) for p in ("subset", "weights") for k in range(5)}
    assert len(made) == 50


def test_value_is_the_same_on_every_machine():
    assert derive_seed(0, "subset", 2) == 7312264792285438034

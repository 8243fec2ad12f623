"""Structures straight from JSON, against pymatgen's own reading."""

import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from rungs.sources.structures import parse_document, read_structure, site_property


@pytest.fixture
def structure():
    made = Structure(
        Lattice.from_parameters(3, 4, 5, 80, 95, 100),
        ["Mg", "O", "D"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [1.25, -0.3, 0.5]],
        site_properties={"magmom": [0.5, -1.0, 0.0]},
    )
    return made.as_dict()


def test_equal_to_pymatgen(structure):
    wanted = Structure.from_dict(structure)
    cell, numbers, coords, _ = read_structure(structure)
    np.testing.assert_array_equal(cell, wanted.lattice.matrix)
    assert numbers.tolist() == list(wanted.atomic_numbers) == [12, 8, 1]
    np.testing.assert_allclose(coords, wanted.cart_coords, atol=1e-12)
    assert site_property(structure, "magmom").tolist() == [0.5, -1.0, 0.0]
    assert site_property(structure, "spin") is None


def test_equal_to_pymatgen_on_real_frames(mptrj, document):
    for frame in mptrj:
        structure = json.loads(json.dumps(document(frame)["structure"]))
        wanted = Structure.from_dict(structure)
        cell, numbers, coords, _ = read_structure(structure)
        np.testing.assert_array_equal(cell, wanted.lattice.matrix)
        assert numbers.tolist() == list(wanted.atomic_numbers)
        np.testing.assert_allclose(coords, wanted.cart_coords, atol=1e-10)


def test_oxidation_states_are_no_hindrance(structure):
    structure["sites"][0]["species"][0]["oxidation_state"] = 2.0
    assert read_structure(structure)[1].tolist() == [12, 8, 1]


def test_cartesian_positions_where_there_are_no_others(structure):
    wanted = [site["xyz"] for site in structure["sites"]]
    for site in structure["sites"]:
        del site["abc"]
    assert read_structure(structure)[2].tolist() == wanted


def without(key):
    def change(structure):
        del structure[key]

    return change


def with_site(**fields):
    return lambda structure: structure["sites"][1].update(fields)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("lattice"), "no lattice matrix or no sites"),
        (without("sites"), "no lattice matrix or no sites"),
        (lambda s: s["lattice"].pop("matrix"), "no lattice matrix"),
        (
            lambda s: s["lattice"].update(pbc=[True, True, False]),
            "is periodic as T T F, expected T T T",
        ),
        (lambda s: s["lattice"].update(matrix=[[1, 2], [3, 4]]), r"shape \(2, 2\)"),
        (with_site(species=[{"element": "O", "occu": 0.5}]), "site 1 is occupied to 0.5 by O"),
        (
            with_site(species=[{"element": "O", "occu": 0.5}, {"element": "F", "occu": 0.5}]),
            "site 1 is shared by 2 species",
        ),
        (with_site(species=[]), "site 1 is shared by 0 species"),
        (with_site(species=[{"element": "Am", "occu": 1}]), "'Am', which is unknown"),
        (with_site(species=None), "site 1 names no element"),
        (lambda s: s["sites"][1].pop("species"), "site 1 names no element"),
        (lambda s: [s["sites"][1].pop(key) for key in ("abc", "xyz")], "no position"),
        (with_site(abc=["a", "b", "c"]), "could not convert"),
    ],
)
def test_what_has_no_place_in_a_frame_is_named(structure, change, words):
    change(structure)
    with pytest.raises(ValueError, match=words):
        read_structure(structure)


def test_a_lattice_without_a_word_on_periodicity_is_periodic(structure):
    del structure["lattice"]["pbc"]
    assert len(read_structure(structure)[1]) == 3


def test_numbers_that_are_none_are_read_and_nonsense_is_not():
    assert np.isnan(parse_document(b'{"a": NaN}')["a"])
    assert parse_document(b'{"a": -Infinity}')["a"] == -np.inf
    with pytest.raises(ValueError, match="no valid JSON"):
        parse_document(b'{"a": [}')

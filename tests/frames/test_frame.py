"""The frame: conversion, derived numbers, faults of shape."""

import numpy as np
import pytest

from rungs.frames.frame import LABELS


def test_fields_become_arrays_and_derived_numbers_follow(sound_frame):
    assert sound_frame.atomic_numbers.dtype == np.int64
    assert sound_frame.forces.dtype == np.float64
    assert sound_frame.n_atoms == 2
    assert sound_frame.volume == pytest.approx(4.2**3 / 4)
    assert sound_frame.energy_per_atom == pytest.approx(-5.95)


def test_left_handed_cell_has_a_positive_volume(altered, sound_frame):
    assert altered(cell=sound_frame.cell[[1, 0, 2]]).volume == pytest.approx(sound_frame.volume)


@pytest.mark.parametrize(
    ("numbers", "formula"),
    [
        ([12, 8], "MgO"),
        ([8, 22, 8, 38, 8], "O3SrTi"),
        ([1, 6, 1, 1, 17], "CH3Cl"),
        ([1, 1, 8], "H2O"),
        ([94], "Pu"),
    ],
)
def test_formula_is_in_hill_order(altered, numbers, formula):
    assert altered(atomic_numbers=numbers).formula == formula


def test_what_is_no_number_is_refused_at_construction(altered):
    with pytest.raises(ValueError, match="could not convert"):
        altered(forces=[["a", "b", "c"]] * 2)
    with pytest.raises(ValueError, match="whole"):
        altered(atomic_numbers=[12.5, 8])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cell", np.eye(2)),
        ("cart_coords", np.zeros((3, 3))),
        ("forces", np.zeros((2, 2))),
        ("forces", np.zeros(6)),
        ("stress", np.zeros((3, 3))),
        ("stress", np.zeros(7)),
        ("magmoms", np.zeros((2, 3))),
        ("magmoms", np.zeros(3)),
        ("atomic_numbers", [[12, 8]]),
    ],
)
def test_faults_of_shape_name_the_field_and_both_shapes(altered, field, value):
    fault = altered(**{field: value}).shape_fault()
    assert fault.startswith(f"{field} has shape {np.shape(value)}")
    assert "expected" in fault


def test_sound_shapes_have_no_fault(sound_frame, altered):
    assert sound_frame.shape_fault() is None
    assert altered(stress=None, magmoms=None).shape_fault() is None
    assert altered(energy=None, forces=None).shape_fault() is None


def test_a_frame_keeps_the_labels_that_it_has(sound_frame, altered):
    assert sound_frame.labels == LABELS
    energies_only = altered(forces=None, stress=None, magmoms=None)
    assert energies_only.labels == ("energy",)
    assert energies_only.energy_per_atom == pytest.approx(-5.95)
    assert altered(energy=None).energy_per_atom is None

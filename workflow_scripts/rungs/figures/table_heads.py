"""What the columns of a study's tables are called when people read them: words and units."""

from typing import NamedTuple

from rungs.figures.error_columns import PROPERTIES
from rungs.potentials.properties import UNITS


class Head(NamedTuple):
    """The head of a column."""

    words: str
    unit: str = ""
    is_id: bool = False
    """A name, a version or a date: shown as it is, digit for digit, however like a number."""


OWN_UNIT = "unit of the row"
"""Where a table gives errors of several properties below each other, or names a unit."""
_WORDS = {"magmom": "magnetic moment"}
_MEASURED = (
    ("_mev_per_atom", "meV/atom"),
    ("_ev_per_atom", "eV/atom"),
    ("_mev_per_angstrom", "meV/Å"),
    ("_ev_per_angstrom", "eV/Å"),
    ("_gpa", "GPa"),
    ("_mu_b", "μB"),
    ("_ps", "ps"),
    ("_k", "K"),
    ("_mb", "MB"),
)
"""Ends of column names that are units, a longer one before an end of it."""


def _name(text: str) -> Head:
    return Head(text, is_id=True)


_ERRORS = {
    column.column: Head(f"{_WORDS.get(name, name)} MAE", UNITS[name])
    for name, column in PROPERTIES.items()
}

HEADS = {
    **_ERRORS,
    **{
        f"{column}_sd": Head(f"{head.words}, standard deviation", head.unit)
        for column, head in _ERRORS.items()
    },
    # what a row is of
    "method": _name("method"),
    "family": _name("family"),
    "methods": _name("its methods"),
    "size": Head("target frames"),
    "seed": _name("seed"),
    "property": _name("property"),
    "metric": _name("error"),
    "level": _name("level"),
    "part": _name("part"),
    "kind": _name("frames divided by"),
    "value": _name("frames"),
    "rank": Head("rank"),
    "ranked_by": _name("ranked by"),
    "group": _name("group"),
    "pool": _name("trained on the pool"),
    "element": _name("element"),
    "frame_id": _name("frame"),
    "material_id": _name("material"),
    "formula": _name("formula"),
    "layer": _name("layer"),
    "comparison": _name("compared"),
    "source_values": _name("the source's values are"),
    "rule": _name("rule"),
    "fitted_on": _name("fitted on"),
    "unit": _name("unit"),
    "note": _name("note"),
    # recipes
    "trial": _name("recipe that was tried"),
    "recipe": _name("recipe"),
    "searched_size": Head("searched at, target frames"),
    "learning_rate": Head("learning rate"),
    "learning_rate_factors": _name("factors on it"),
    "references_first": Head("updates of references alone, share"),
    "weight_decay": Head("weight decay"),
    "warmup": Head("warm-up, share of updates"),
    "epochs": Head("epochs"),
    "batch_size": Head("frames in a batch"),
    "validation_loss": Head("loss on validation frames"),
    "lowest_loss": Head("lowest loss"),
    "standard_error": Head("standard error of the difference to it"),
    "n_trials": Head("recipes tried"),
    "n_as_good": Head("as good as the best"),
    "n_diverged": Head("diverged"),
    "at_edge": _name("at the edge of the search"),
    "diverged": _name("how it diverged"),
    **{
        f"validation_{column}": Head(f"{head.words}, validation", head.unit)
        for column, head in _ERRORS.items()
    },
    "what": _name("what"),
    # numbers of things
    "n": Head("numbers compared"),
    "n_atoms": Head("atoms"),
    "n_frames": Head("test frames"),
    "n_seeds": Head("seeds"),
    "n_sizes": Head("sizes"),
    "n_points": Head("points fitted"),
    "n_models": Head("models"),
    "n_materials": Head("test materials behind the wider intervals"),
    "materials": Head("materials"),
    "frames": Head("frames"),
    "elements": Head("elements"),
    "shared_materials": Head("materials that the other level has too"),
    "in_other_training": Head("materials that the other level trains on"),
    "n_energy": Head("frames with an energy"),
    "n_forces": Head("with forces"),
    "n_stress": Head("with a stress"),
    "n_magmoms": Head("with magnetic moments"),
    "test_elements_absent": Head("test elements in no fitted frame"),
    # errors
    "mae": Head("MAE", OWN_UNIT),
    "rmse": Head("RMSE", OWN_UNIT),
    "mean_error": Head("mean error", OWN_UNIT),
    "error": Head("error", OWN_UNIT),
    "scratch_ratio": Head("error over that from scratch at the same size"),
    "error_ratio": Head("error over plain fine-tuning's"),
    "new_chemistry_error": Head("error on new chemistry", OWN_UNIT),
    "new_chemistry_ratio": Head("error on new chemistry over plain fine-tuning's"),
    "n_new_materials": Head("test materials of new chemistry"),
    "source_error": Head("error on the source", OWN_UNIT),
    "pretrained_error": Head("error on the source before fine-tuning", OWN_UNIT),
    "source_ratio": Head("error on the source over plain fine-tuning's"),
    "plain": _name("plain fine-tuning"),
    "pretrained_mae": Head("MAE before fine-tuning", OWN_UNIT),
    "ratio": Head("MAE over that before"),
    "reference_mae_mev_per_atom": Head("MAE of the reference energies alone", "meV/atom"),
    "pretrained_mae_mev_per_atom": Head("MAE of the pretrained model with them", "meV/atom"),
    "formation_energy_mae_mev_per_atom": Head("formation energy MAE", "meV/atom"),
    "formation_energy_mae_mev_per_atom_sd": Head(
        "formation energy MAE, standard deviation", "meV/atom"
    ),
    "decomposition_energy_mae_mev_per_atom": Head("decomposition energy MAE", "meV/atom"),
    "decomposition_energy_mae_mev_per_atom_sd": Head(
        "decomposition energy MAE, standard deviation", "meV/atom"
    ),
    "n_formation_energies": Head("formation energies"),
    "n_decomposition_energies": Head("decomposition energies"),
    "max_force_ev_per_angstrom": Head("largest labelled force", "eV/Å"),
    "energy_true_ev_per_atom": Head("labelled energy", "eV/atom"),
    "energy_predicted_ev_per_atom": Head("predicted energy", "eV/atom"),
    "force_max_error_mev_per_angstrom": Head("largest force error on an atom", "meV/Å"),
    "pearson_r": Head("Pearson's r"),
    "mean_shift": Head("mean shift, target less source", OWN_UNIT),
    "gradient_norm": Head("norm of the gradient"),
    "epoch": Head("epoch"),
    "update": Head("update"),
    # scaling laws
    "form": _name("form of the law"),
    "exponent": Head("exponent"),
    "prefactor": Head("prefactor", OWN_UNIT),
    "floor": Head("floor", OWN_UNIT),
    "r2": Head("R² of the log errors"),
    "smallest_size": Head("smallest size", "frames"),
    "largest_size": Head("largest size", "frames"),
    "converged": _name("fit converged"),
    "break_size": Head("break", "frames"),
    "exponent_after": Head("exponent beyond the break"),
    "pretraining_exponent": Head("exponent in source frames"),
    "target_exponent": Head("exponent in target frames"),
    "saved_by_doubling": Head("share of target frames that twice the source frames spare"),
    "smallest_pretraining": Head("smallest pretraining", "frames"),
    "largest_pretraining": Head("largest pretraining", "frames"),
    "parameter_exponent": Head("exponent in parameters"),
    "fewest_parameters": Head("fewest parameters"),
    "most_parameters": Head("most parameters"),
    "baseline": _name("compared with"),
    "strategy": _name("way of training"),
    "model": _name("model"),
    "parameters": Head("parameters"),
    "architecture": _name("architecture"),
    "fine_tuning_seconds": Head("fine-tuning", "s"),
    "pretraining_seconds": Head("pretraining", "s"),
    "on_frontier": _name("least error for its cost"),
    "scratch_equivalent_frames": Head("frames that scratch needs for the same error"),
    "frames_per_frame": Head("frames from scratch that one is worth"),
    "frames_transferred": Head("frames that transfer saves"),
    "predicted_error": Head("error that the smaller sizes foretell", OWN_UNIT),
    "prediction_error": Head("foretold over found, less 1"),
    "predicted_by": _name("foretold by"),
    "line_exponent": Head("exponent of a straight line"),
    "exponent_without_smallest": Head("that without the smallest size"),
    "line_from": Head("line above", "frames"),
    "exponent_above": Head("its exponent"),
    "r2_above": Head("its R²"),
    "aicc_line": Head("AICc of a line"),
    "aicc_floor": Head("AICc with a floor"),
    "aicc_break": Head("AICc with a break"),
    "worst_size": Head("size of the largest misfit", "frames"),
    "worst_misfit": Head("largest misfit, law over mean less 1"),
    # plan
    "question": _name("question"),
    "given": Head("given", "frames or unit of the error"),
    "more": Head("more", "frames"),
    "answer": Head("answer", "frames or unit of the error"),
    "reaches_from": Head("law holds from", "frames"),
    "reaches_to": Head("law holds to", "frames"),
    "cost": Head("cost", OWN_UNIT),
    "cost_unit": _name("unit of the cost"),
    # temperatures, simulations, properties
    "temperature_k": Head("temperature", "K"),
    "train_temperatures_k": Head("trained at", "K", is_id=True),
    "test_temperature_k": Head("tested at", "K"),
    "trained_there": _name("trained there too"),
    "lowest": Head("lowest seed", OWN_UNIT),
    "highest": Head("highest seed", OWN_UNIT),
    "n_runs": Head("runs of dynamics"),
    "interval_ps": Head("time between frames", "ps"),
    "force_correlation": Head("correlation of forces"),
    "energy_correlation": Head("correlation of energies"),
    "energy_correlation_if_independent": Head("that of independent frames"),
    "n_simulations": Head("simulations"),
    "n_stable": Head("stable to their end"),
    "stable_share": Head("share that is stable"),
    "mean_stable_ps": Head("mean stable time", "ps"),
    "median_stable_ps": Head("median stable time", "ps"),
    "planned_ps": Head("planned time", "ps"),
    "gain_share": Head("share less that from scratch"),
    "gain_ps": Head("mean time less that from scratch", "ps"),
    "reasons": _name("what ended the others"),
    "reference": Head("reference", OWN_UNIT),
    "mean_value": Head("mean value", OWN_UNIT),
    "mean_absolute_error": Head("mean absolute error", OWN_UNIT),
    "lowest_error": Head("lowest error", OWN_UNIT),
    "highest_error": Head("highest error", OWN_UNIT),
    "n_failed": Head("seeds without a result"),
    "n_compared": Head("seeds compared with scratch"),
    "transfer_over_scratch": Head("error over that from scratch"),
    "effect": _name("transfer"),
    # costs
    "started": _name("started"),
    "finished": _name("finished"),
    "wall_seconds": Head("wall time", "s"),
    "processor_seconds": Head("processor time", "s"),
    "updates": Head("updates"),
    "frames_per_second": Head("training frames a second"),
    "peak_memory_mb": Head("peak memory", "MB"),
    "peak_device_memory_mb": Head("peak memory of the device", "MB"),
    "device": _name("device"),
    "threads": Head("threads"),
    "python": _name("Python"),
    "torch": _name("PyTorch"),
    "chgnet": _name("chgnet"),
    "numpy": _name("NumPy"),
    "revision": _name("revision"),
    "modified": _name("files changed"),
    "code": _name("digest of the library"),
}
"""By the name of the column."""
OTHERWISE = {
    ("costs", "method"): _name("training"),
    ("costs", "size"): Head("frames trained on"),
    ("models", "kind"): _name("kind of network"),
    ("size_laws", "kind"): _name("kind of network"),
    ("size_laws", "saved_by_doubling"): Head(
        "share of target frames that twice the parameters spare"
    ),
    ("split_summary", "elements"): Head("different elements"),
    ("sampling", "n_frames"): Head("frames"),
    ("errors_by_element", "n_frames"): Head("test frames that hold it"),
    ("errors_by_element", "n_atoms"): Head("its atoms in them"),
    ("reference_errors", "size"): Head("frames fitted to"),
    ("provenance", "value"): _name("which"),
}
"""Where a name means something else in one table."""
MISSING_MEANS = {("stability", "temperature_k"): "all"}
"""Numbers that are missing for a reason which has a word."""

VALUE_OF = {
    "": "answer",
    "break": "break_size",
    "equivalent": "scratch_equivalent_frames",
    "per_frame": "frames_per_frame",
    "transferred": "frames_transferred",
    "predicted": "predicted_error",
    "mean_stable": "mean_stable_ps",
    "median_stable": "median_stable_ps",
    "ratio": "transfer_over_scratch",
}
"""The column of the value that an interval belongs to, by what stands before ``_low``; where it is
not that itself."""

WORDS = {
    "metric": {column: f"{head.words}, {head.unit}" for column, head in _ERRORS.items()},
    "property": _WORDS,
    "comparison": {
        "raw": "as they are",
        "source_reference": "less the source's reference energies",
        "own_reference": "less each level's own reference energies",
        "stress": "stresses",
        "magmom": "magnetic moments",
    },
}
"""Words for entries of a column."""
_PLAIN = ("property", "layer")
"""Columns whose other entries are words joined by underscores."""


def head_of(column: str, table: str = "") -> Head:
    """Return the head of a column; of one that is not known, its name in words.

    Args:
        column: its name in the CSV file.
        table: name of that file, without ``.csv``.
    """
    known = OTHERWISE.get((table, column)) or HEADS.get(column)
    if known:
        return known
    for end, unit in _MEASURED:
        if column.endswith(end):
            return Head(column.removesuffix(end).replace("_", " "), unit)
    return Head(column.replace("_", " "))


def interval_head(stem: str, table: str = "", *, with_materials: bool = False) -> Head:
    """Return the head of an interval, both ends in one column.

    Args:
        stem: what stands before ``_low`` and ``_high`` in the names of its ends.
        table: as for :func:`head_of`.
        with_materials: the interval holds the scatter of the test materials too.
    """
    value = head_of(VALUE_OF.get(stem, stem), table)
    about = "seeds and test materials" if with_materials else "seeds"
    return Head(f"{value.words}: 90 % interval, {about}", value.unit)


def words_of(entry: str, column: str) -> str:
    """Return how an entry of a column of text is shown."""
    known = WORDS.get(column, {}).get(entry)
    if known:
        return known
    return entry.replace("_", " ") if column in _PLAIN else entry

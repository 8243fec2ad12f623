"""The table of simulations."""

SIMULATION_COLUMNS = (
    "method",
    "size",
    "seed",
    "temperature_k",
    "start",
    "start_frame",
    "n_atoms",
    "planned_ps",
    "stable_ps",
    "stable",
    "reason",
    "detail",
    "mean_temperature_k",
    "potential_change_ev_per_atom",
    "energy_drift_ev_per_atom",
    "heat_ev_per_atom",
)
"""One row for each simulation. The potential that labelled the target has the method
``reference``, the size 0 and the seed -1."""

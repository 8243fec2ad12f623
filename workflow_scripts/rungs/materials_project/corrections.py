"""The MP2020 corrections, which make GGA and GGA+U energies comparable.

Wang et al., Sci. Rep. 11, 15496 (2021), as kept by pymatgen. A correction depends on the
composition, the U values and, for oxygen and sulphur, on how the atoms are bonded; it is taken
from the calculation's final structure and is the same for all its frames.
"""

import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure


class NotCorrectableError(Exception):
    """The scheme does not cover the calculation; the text says why."""


def mp2020_correction(
    structure: "Structure",
    energy: float,
    run_type: str,
    u_values: dict[str, float],
    potcar_spec: list[dict] | None,
) -> float:
    """The correction to the energy of the whole cell, in eV.

    Args:
        structure: final structure of the calculation.
        energy: its energy in eV, without correction.
        run_type: ``GGA`` or ``GGA+U``; the scheme knows no others.
        u_values: Hubbard U in eV by element, without zeros.
        potcar_spec: the pseudopotentials as the service gives them; None or empty skips their
            check, for old documents that lack them.

    Raises:
        NotCorrectableError: where the scheme does not apply, e.g. for a wrong U value.
    """
    from pymatgen.entries.compatibility import CompatibilityError
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    spec = [item for item in potcar_spec or [] if item and item.get("titel")]
    entry = ComputedStructureEntry(
        structure,
        energy,
        parameters={"run_type": run_type, "hubbards": u_values, "potcar_spec": spec},
        data={"oxidation_states": _oxidation_states(structure.composition.formula)},
    )
    with warnings.catch_warnings():
        # pymatgen warns where it cannot guess oxidation states; it says itself what it does then
        warnings.simplefilter("ignore")
        try:
            adjustments = _scheme(bool(spec)).get_adjustments(entry)
        except CompatibilityError as error:
            # pymatgen puts the whole entry behind the fault
            raise NotCorrectableError(str(error).split(" for {")[0]) from None
    return float(sum(adjustment.value for adjustment in adjustments))


@lru_cache(maxsize=2)
def _scheme(check_potcar: bool) -> object:
    from pymatgen.entries.compatibility import MaterialsProject2020Compatibility

    return MaterialsProject2020Compatibility(check_potcar=check_potcar)


@lru_cache(maxsize=100_000)
def _oxidation_states(formula: str) -> dict[str, float]:
    # as pymatgen guesses them within the scheme, but once for each composition
    from pymatgen.core import Composition

    try:
        return (Composition(formula).oxi_state_guesses(max_sites=-20) or ({},))[0]
    except ValueError:
        return {}

"""Do labels belong together, and are they in the units and signs that are declared?

Between two configurations that lie close together the energy changes by the work done against
forces and stress (:mod:`.pairs`). Where a source has such pairs, the slope of energy against work
is 1 (:mod:`.slopes`); a wrong sign makes it −1, a wrong unit some other number, and where pairs do
not agree, other readings of the labels are tried (:mod:`.alternatives`). Where frames are not near
each other, those of different size tell totals from energies per atom (:mod:`.sizes`), and a
published network knows signs, sizes and the order of stresses (:mod:`.witness`). Only what is
certain refuses a source; what nothing puts to the test is said.
"""

from rungs.sources.label_check.check import EXAMINED, LabelCheck, check_labels, examine
from rungs.sources.label_check.slopes import Finding

__all__ = ["EXAMINED", "Finding", "LabelCheck", "check_labels", "examine"]

"""Rungs: scaling-law studies of transfer learning in interatomic potentials.

The library behind the workflow. It imports nothing from Snakemake, so every function
can be called from a notebook. The sub-packages follow the way data flows, but for graphs and
potentials, which stand before the sources because one kind of source is labelled by a potential:

``workflow → config → frames → graphs → potentials → materials_project → classical → sources →
filters → splits → references → training → evaluation → simulation → properties → scaling →
figures → records → preflight → cli``

No sub-package imports one that stands later in this list.
"""

__version__ = "0.1.0"

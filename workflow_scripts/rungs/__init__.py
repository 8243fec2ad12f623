"""Rungs: scaling-law studies of transfer learning in interatomic potentials.

The library behind the workflow. It imports nothing from Snakemake, so every function
can be called from a notebook. The sub-packages follow the way data flows:

``frames → materials_project → classical → sources → filters → splits → graphs → references →
potential → training → evaluation → simulation → properties → scaling → figures → comparison``

No sub-package imports one that stands later in this list.
"""

__version__ = "0.1.0"

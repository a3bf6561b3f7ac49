"""How good, how varied and how new generated data are, from features of theirs and of real data.

`Reference` gives all scores at once and computes what depends on real data only once; every score is also a function
of its own. Features are arrays with one point a row.
"""

from .classes import class_balance_error, class_entropy
from .kernels import kernel_distance
from .memorisation import authenticity, data_copying
from .moments import frechet_distance
from .neighbours import coverage, density, precision, recall
from .prd import prd_f_scores
from .reference import Reference

__all__ = [
    "Reference",
    "authenticity",
    "class_balance_error",
    "class_entropy",
    "coverage",
    "data_copying",
    "density",
    "frechet_distance",
    "kernel_distance",
    "prd_f_scores",
    "precision",
    "recall",
]

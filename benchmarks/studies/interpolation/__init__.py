"""Do paths stay on the data? Lines and curves between held-out codes of trained VAEs, decoded and judged by frames.

For every data set, latent dimension and seed a VAE is trained, a sampler fitted, and pairs of held-out codes joined:
by straight and spherical lines, by our interpolations, by the shortest paths on a graph that these start from, and by
geodesics of the inverse metric. With ``--study`` exponents and island scales are tried on
validation codes instead. A last part times geodesics, beside those of stochman where it is installed.
"""

from .run import main
from .tables import study_table, table

__all__ = ["main", "study_table", "table"]

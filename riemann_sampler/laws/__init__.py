"""Laws of fitted latents: posteriors and settings become a law for each label, which can be drawn from."""

from .diagnostics import Diagnostics, describe
from .draws import CHAINS_PER_BLOCK, LatentSamples, collect_samples, draw
from .fit import fit_laws
from .law import Draws, FittedLaws, IslandLaw, Law, VolumeLaw
from .novelty import MOST_DRAWS, near_copies
from .summary import write_summary
from .temperature import nearest_temperature

__all__ = [
    "CHAINS_PER_BLOCK",
    "MOST_DRAWS",
    "Diagnostics",
    "Draws",
    "FittedLaws",
    "IslandLaw",
    "LatentSamples",
    "Law",
    "VolumeLaw",
    "collect_samples",
    "describe",
    "draw",
    "fit_laws",
    "near_copies",
    "nearest_temperature",
    "write_summary",
]

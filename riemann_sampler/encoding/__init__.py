"""From data, through a model, to checked posteriors; streaming over any number of them."""

from .checks import PosteriorSummary, check_posterior, summarize
from .encode import encode_data, pseudo_input_posterior, with_learnt_noise
from .posterior_store import MEMORY_BUDGET, PosteriorStore, gather, split_by_label
from .streaming import StreamedPosteriors, in_double, precise, subset

__all__ = [
    "MEMORY_BUDGET",
    "PosteriorStore",
    "PosteriorSummary",
    "StreamedPosteriors",
    "check_posterior",
    "encode_data",
    "gather",
    "in_double",
    "precise",
    "pseudo_input_posterior",
    "split_by_label",
    "subset",
    "summarize",
    "with_learnt_noise",
]

"""More data from little data: oversampling, data sets, batches, filters, and a model for those who have none.

`RiemannianOverSampler` is in `riemann_sampler` itself, where imbalanced-learn is installed.
"""

from .auto_model import AutoModel
from .classifiers import fit_balanced, small_net
from .filters import FilterCounts, SampleFilter
from .latent_augment import LatentAugment
from .small_vae import one_thread
from .synthetic_dataset import SyntheticDataset

__all__ = [
    "AutoModel",
    "FilterCounts",
    "LatentAugment",
    "SampleFilter",
    "SyntheticDataset",
    "fit_balanced",
    "one_thread",
    "small_net",
]

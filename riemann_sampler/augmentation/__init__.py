"""More data from little data: oversampling, data sets, batches, filters, and a model for those who have none.

`RiemannianOverSampler` is in `riemann_sampler` itself, where imbalanced-learn is installed.
"""

from .auto_model import AutoModel
from .filters import FilterCounts, SampleFilter
from .latent_augment import LatentAugment
from .synthetic import SyntheticDataset

__all__ = ["AutoModel", "FilterCounts", "LatentAugment", "SampleFilter", "SyntheticDataset"]

"""Do synthetic data make better classifiers? Small and imbalanced training sets, filled up in many ways.

From each data set a few examples of each class are drawn, or many of some classes and few of others. Each method adds
synthetic ones, and two classifiers, a small net and gradient boosting, are trained on both and judged on held-out data,
beside the same classifiers without them: differences are within one seed, intervals over seeds. All that a method
learns, the VAE among it, it learns from these few examples alone.
"""

from .run import main
from .tables import gains_table, table

__all__ = ["gains_table", "main", "table"]

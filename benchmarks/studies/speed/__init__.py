"""How fast is it, how far does it grow, how much memory does it take? Ratios are of times measured in turn in one run.

Sections: ``gradient``, one evaluation of the gradient against the dense form and against the bare matrix products;
``race``, the time to 10,000 latents and to 1,000 converged ones against pythae's samplers and the published dynamics;
``ess``, effective samples per second; ``growth`` of time and memory with centroids, dimensions and chains;
``processes``, sampling by several; ``scale``, a stream of ten million latents; ``cuda``, where there is a device.
"""

from .run import SECTIONS, main
from .summary import table

__all__ = ["SECTIONS", "main", "table"]

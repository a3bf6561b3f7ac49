r"""
Temperature: how wide islands are
=================================

The presets ``"uniform"`` and ``"paper"`` draw from the uniform law of the metric

.. math::

    G(z) = \sum_k \omega_k(z) P_k + \lambda e^{-\tau \|z\|^2} I, \qquad
    \omega_k(z) = \exp\left(-(z - c_k)^\top P_k (z - c_k) / \rho^2\right),

whose density is the volume element, the square root of det G. The temperature ρ sets the width of its :ref:`islands
<island>`: ρ/√d posterior standard deviations in d dimensions. We take the widest at which the sampler is still
reliable; this page shows what happens beyond. The presets ``"local"``, ``"calibrated"`` and ``"clusters"`` have no
temperature to choose.
"""

# %%
# In two dimensions
# -----------------
# Forty codes with posteriors of their own, two of them close to each other. As islands widen they merge, and where
# they overlap the volume grows: the bright spot is where codes are crowded, not where data are better.

import warnings

import matplotlib.pyplot as plt
import torch

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler, TemperatureWarning
from riemann_sampler.geometry import widen
from riemann_sampler.geometry.plots import plot_latent_map

generator = torch.Generator().manual_seed(0)
codes = 2 * torch.randn(40, 2, generator=generator, dtype=torch.float64)
codes[1] = codes[0] + 0.15
posterior = GaussianPosterior(codes, -3 + 0.5 * torch.randn(40, 2, generator=generator, dtype=torch.float64))
metric = RiemannianUniformSampler().fit(posterior).metric_

figure, axes = plt.subplots(1, 3, figsize=(13, 5), layout="compressed")
for axis, scale in zip(axes, (0.7, 1.5, 3.0), strict=True):
    plot_latent_map(widen(metric, scale), n_grid=120, axes=axis)
    axis.set_title(f"islands {scale:g} posterior deviations wide")
    axis.get_legend().remove()
plt.show()

# %%
# In sixteen dimensions
# ---------------------
# Where m islands overlap the density is about :math:`m^{d/2}` times what each island has by itself: for two islands,
# 2 in two dimensions and 256 in sixteen. A temperature that is a little too high then puts *all* the mass into the
# most crowded spot. Two hundred codes, ten of which lie close together:

codes = torch.randn(200, 16, generator=generator, dtype=torch.float64)
codes[:10] = codes[0] + 0.35 * torch.randn(10, 16, generator=generator, dtype=torch.float64)
posterior = GaussianPosterior(codes, torch.full((200, 16), -2.0, dtype=torch.float64))

temperatures = (0.6, 1.2, 1.8, 2.2, 2.6)
efficiency, in_use = [], []
for temperature in temperatures:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TemperatureWarning)
        sampler = RiemannianUniformSampler(temperature=temperature, n_steps=20).fit(posterior)
    sampler.sample_latents(500, seed=0)
    efficiency.append(sampler.diagnostics_.relative_ess)
    in_use.append(sampler.diagnostics_.centroid_perplexity)
automatic = RiemannianUniformSampler(n_steps=20).fit(posterior).temperature_

figure, axis = plt.subplots(figsize=(7, 4), layout="compressed")
axis.plot(temperatures, efficiency, marker="o", color="#2b6cb0", label="relative effective sample size")
axis.plot(temperatures, in_use, marker="s", color="#e07b39", label="share of codes in use")
axis.axvline(automatic, color="#4b5563", linestyle="--", linewidth=1, label=f'temperature="auto": {automatic:.2f}')
axis.set(xlabel="temperature ρ", ylim=(0, 1.1))
axis.legend(frameon=False)
plt.show()

# %%
# The rule
# --------
# ``temperature="auto"`` takes the largest temperature at which the importance weights of the law over its islands
# still have a relative effective sample size of ``min_ess``, 0.8. The paper's rule, ``temperature="nearest"``, is the
# largest distance between neighbouring centroids. It does not look at overlap, and the sampler warns:

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    RiemannianUniformSampler(temperature="nearest", n_steps=20).fit(posterior)
print(caught[0].category.__name__)

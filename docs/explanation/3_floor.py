r"""
The floor: what keeps the law proper
====================================

Far from every code the sum of the metric vanishes, and its floor :math:`\lambda e^{-\tau \|z\|^2} I` is what is left.
The volume of the floor alone is a normal law around the origin, with variance :math:`1/(\tau d)` in each of d
dimensions. If τ is next to nothing, as in the paper, this law is as wide as the space: it holds nearly all the mass,
and only short chains that start at codes hide it.
"""

# %%
# Forty codes in two dimensions, and the density along a line through their middle. The floor that ``fit`` chooses is
# as wide as the codes are spread and holds a thousandth of the mass (``floor_share``). The paper's does not decay.

import warnings

import matplotlib.pyplot as plt
import torch

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler

generator = torch.Generator().manual_seed(0)
codes = 2 * torch.randn(40, 2, generator=generator, dtype=torch.float64)
posterior = GaussianPosterior(codes, -3 + 0.5 * torch.randn(40, 2, generator=generator, dtype=torch.float64))

ours = RiemannianUniformSampler().fit(posterior)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    paper = RiemannianUniformSampler(regularization=0.01, decay=1e-10).fit(posterior)
print([each.category.__name__ for each in caught])
shares = [sampler.diagnostics_.floor_share for sampler in (ours, paper)]
print("share of the mass that the floor holds:", [f"{share:.3f}" for share in shares])

line = torch.zeros(800, 2, dtype=torch.float64)
line[:, 0] = torch.linspace(-15, 15, 800)
figure, axis = plt.subplots(figsize=(7, 3.8), layout="compressed")
axis.plot(line[:, 0], ours.metric_.log_volume(line), color="#2b6cb0", label="floor as fit chooses it")
axis.plot(line[:, 0], paper.metric_.log_volume(line), color="#c0392b", linestyle="--", label="λ = 0.01, τ = 1e-10")
axis.set(xlabel="first latent coordinate", ylabel="log √det G, in nats")
axis.legend(frameon=False)
plt.show()

# %%
# The dashed line never falls again. It looks low, but it goes on in every direction: nearly all samples of the exact
# law would be there. Leave ``regularization`` and ``decay`` to ``fit``.
#
# The laws of the presets ``"local"``, ``"calibrated"`` and ``"clusters"`` are mixtures of islands alone. They have no
# floor.

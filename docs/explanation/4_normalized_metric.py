r"""
The normalized metric: why islands are a uniform law too
========================================================

The presets ``"local"``, ``"calibrated"`` and ``"clusters"`` draw from a mixture of islands,

.. math::

    q(z) = \sum_k \pi_k \, N(z; c_k, s^2 \Sigma_k),

and not from √det G of the metric of the paper's eq. 7. They are still the uniform law of a Riemannian metric that is
made of the same posteriors. With the responsibilities :math:`r_k(z)` of the islands and :math:`A(z) = \sum_k r_k(z)
\Sigma_k^{-1}`, it is

.. math::

    \tilde G(z) = q(z)^{2/d} \, (\det A(z))^{-1/d} A(z), \qquad \sqrt{\det \tilde G(z)} = q(z).

Where islands of equal weight are isolated this is the metric of eq. 7 at its centroids, up to a constant. Where they
overlap it counts an overlap once. The volume of eq. 7 counts it :math:`m^{d/2}` times for m islands.
"""

# %%
# Both along a line
# -----------------
# Four islands in two dimensions, three of which lie close together; densities relative to that of the one by itself.
# Here the two laws nearly agree, as :math:`m^{d/2} = m` for d = 2.

import matplotlib.pyplot as plt
import torch

from riemann_sampler import DiagonalMetric

centroids = torch.tensor([[0.0, 0.0], [4.0, 0.0], [4.25, 0.1], [4.1, -0.15]], dtype=torch.float64)
precisions = torch.tensor([[4.0, 9.0], [9.0, 4.0], [6.0, 6.0], [4.0, 8.0]], dtype=torch.float64)
dim = 2
metric = DiagonalMetric(centroids, precisions, temperature=dim**0.5, regularization=1e-8, decay=0.1)


def mixture(z):
    """Log density of the islands at scale 1, equally weighted, and the normalized metric."""
    steps = z[:, None] - centroids
    parts = 0.5 * precisions.log().sum(1) - 0.5 * (steps.square() * precisions).sum(2)
    log_q = parts.logsumexp(1) - torch.log(torch.tensor(len(centroids) * (2 * torch.pi) ** (dim / 2)))
    a = torch.softmax(parts, 1) @ precisions  # the diagonal of A
    tensor = torch.exp((2 * log_q - a.log().sum(1)) / dim)[:, None] * a
    return log_q, torch.diag_embed(tensor)


line = torch.stack([torch.linspace(-2, 6.5, 400), torch.zeros(400)], 1).double()
log_q, tensor = mixture(line)
print("largest difference of log √det and log q:", f"{(0.5 * torch.logdet(tensor) - log_q).abs().max():.1e}")

log_volume = metric.log_volume(line)
figure, axis = plt.subplots(figsize=(7, 3.8), layout="compressed")
for name, values, style in (
    ("eq. 7: √det G", log_volume, {"color": "#c0392b"}),
    ("normalized: √det G̃ = q", log_q, {"color": "#2b6cb0"}),
):
    alone = values[(line[:, 0] < 2)].max()
    axis.plot(line[:, 0], (values - alone).exp(), label=name, **style)
axis.set(xlabel="first latent coordinate", ylabel="density, relative to one island")
axis.legend(frameon=False)
plt.show()

# %%
# In more dimensions
# ------------------
# The same three islands on top of one another, in d dimensions: how much denser than one alone.

dims = torch.arange(1, 25)
figure, axis = plt.subplots(figsize=(7, 3.6), layout="compressed")
axis.semilogy(dims, 3.0 ** (dims / 2), color="#c0392b", label="eq. 7: 3^(d/2)")
axis.semilogy(dims, torch.full((24,), 3.0), color="#2b6cb0", label="normalized: 3")
axis.set(xlabel="dimensions d", ylabel="density, relative to one island")
axis.legend(frameon=False)
plt.show()

# %%
# This is why eq. 7 needs a :doc:`temperature <2_temperature>` at which islands hardly touch, and the island laws can
# be as wide as we like. They are also drawn exactly and independently, with no chain.

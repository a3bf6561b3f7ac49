r"""
Samples of a class
==================

With labels, ``fit`` learns one law for each class, and ``sample`` draws from the class that you name. The model here
is a VAE of your own in plain PyTorch: any module will do whose ``encode`` returns a mean and a log-variance and whose
``decode`` returns data.

It needs ``pip install "riemann-sampler[plot]"``.
"""

# %%
# A trained model
# ---------------

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn


class VAE(nn.Module):
    """A small VAE of 8 × 8 images."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.SiLU(), nn.Linear(256, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 256), nn.SiLU(), nn.Linear(256, 64), nn.Sigmoid())

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)  # mean, log-variance

    def decode(self, z):
        return self.decoder(z).view(-1, 1, 8, 8)


def train(model, images, n_steps, beta):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(n_steps):
        x = images[torch.randint(len(images), (128,))]
        mean, log_variance = model.encode(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        error = nn.functional.binary_cross_entropy(model.decode(z), x, reduction="sum")
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
        optimizer.zero_grad()
        ((error + beta * divergence) / len(x)).backward()
        optimizer.step()
    return model.eval()


torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
digits = load_digits().target
vae = train(VAE(latent_dim=8), images, n_steps=1_500, beta=0.1)

# %%
# One law for each class
# ----------------------
# One pass through the encoder is enough for all of them. Labels may be any hashable values: numbers, strings, tuples.

from riemann_sampler import RiemannianUniformSampler

sampler = RiemannianUniformSampler.from_preset("local", vae).fit(images, labels=digits)
sevens = sampler.sample(8, label=7, seed=0)

# %%
# Ten rows, one for each digit:

from riemann_sampler.geometry.plots import plot_strips

rows = {f"label {digit}": sampler.sample(12, label=digit, seed=digit)[None] for digit in range(10)}
figure, axes = plt.subplots(figsize=(8, 6.6), layout="compressed")
_ = plot_strips(rows, axes=axes)

# %%
# As many as you ask for
# ----------------------
# A mapping gives numbers for each label; a list, an array or a tensor of labels gives one sample for each, in that
# order; without a label the classes are mixed as the training data are.

some = sampler.sample(label={3: 5, 8: 10}, seed=0)  # five threes, then ten eights
paired = sampler.sample(label=digits[:32], seed=0)  # one for each label
mixed = sampler.sample_latents(2_000, seed=0)
print(len(some), len(paired), {digit: mixed.labels.count(digit) for digit in range(10)})

# %%
# Small classes
# -------------
# A class of few examples cannot say by itself how wide its islands should be. It borrows from the others: of n
# distinct codes its own estimate has the weight min(1, (n - 1) / 10), and the estimate from all classes the rest.
# Even one example will do. (The model of this page has seen all fours in its training; here the sampler is given
# three of them.)

few = torch.cat([torch.arange(len(digits))[digits != 4], torch.arange(len(digits))[digits == 4][:3]])
rare = RiemannianUniformSampler.from_preset("local", vae).fit(images[few], labels=digits[few])
print(rare.diagnostics_[4].n_codes, "training codes of a four")

figure, axes = plt.subplots(figsize=(8, 1.7), layout="compressed")
strips = {"the three": images[few[-3:]].repeat(4, 1, 1, 1)[None], "samples": rare.sample(12, label=4, seed=0)[None]}
_ = plot_strips(strips, axes=axes)

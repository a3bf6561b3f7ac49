r"""
Better samples from a pythae model
==================================

We train a small VAE of `pythae <https://github.com/clementchadebec/benchmark_VAE>`__ on handwritten digits, sample it
from N(0, I) as one usually does, and then from where its codes are. Nothing is retrained in between.

It needs ``pip install "riemann-sampler[pythae,plot]"``.
"""

# %%
# A trained model
# ---------------
# Any trained model of pythae will do. Ours takes a few seconds.

import matplotlib.pyplot as plt
import torch
from pythae.models import BetaVAE, BetaVAEConfig
from sklearn.datasets import load_digits

torch.manual_seed(0)
images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16  # (1797, 1, 8, 8), in [0, 1]

vae = BetaVAE(BetaVAEConfig(input_dim=(1, 8, 8), latent_dim=16, reconstruction_loss="bce", beta=0.05))
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)
for _ in range(1_000):
    batch = images[torch.randint(len(images), (128,))]
    optimizer.zero_grad()
    vae({"data": batch}).loss.backward()
    optimizer.step()
vae.eval()

# %%
# The usual way
# -------------
# Codes are drawn from N(0, I), where the model was told to put its codes. It did not quite obey: between its codes
# there are holes, and most draws fall into them.

with torch.no_grad():
    usual = vae.decoder(torch.randn(64, 16)).reconstruction

# %%
# In two lines
# ------------
# ``fit`` encodes the training images and keeps where their codes are and how certain the encoder was of each. The
# preset ``"local"`` is where to start. ``sample`` draws there and decodes.

from riemann_sampler import RiemannianUniformSampler

sampler = RiemannianUniformSampler.from_preset("local", vae).fit(images)
samples = sampler.sample(64, seed=0)

# %%
# Side by side
# ------------

from riemann_sampler.geometry.plots import mosaic

figure, axes = plt.subplots(1, 2, figsize=(9, 4.8), layout="compressed")
for axis, title, shown in zip(axes, ("N(0, I)", 'preset "local"'), (usual, samples), strict=True):
    axis.imshow(mosaic(shown, n_columns=8), interpolation="nearest")
    axis.set_title(title)
    axis.set_axis_off()

# %%
# What the sampler says of itself
# -------------------------------
# The page :doc:`/how-to/read-the-summary` explains each line.

print(sampler.summary())

# %%
# Keep it
# -------
# The saved folder holds tensors and JSON, nothing that is run when it is loaded. It holds the training codes too:
# treat it as you treat the training data. The same seed gives the same samples, before and after.

import tempfile

with tempfile.TemporaryDirectory() as folder:
    sampler.save(folder)
    again = RiemannianUniformSampler.load(folder, vae)
print(torch.equal(again.sample(64, seed=0), samples))

# %%
# Where to go from here
# ---------------------
# - :doc:`/how-to/choose-a-preset`, if you want more novelty, or the paper's law.
# - :doc:`/how-to/check-for-copies`, before you publish samples.
# - :doc:`/how-to/models`, if your model is not one of pythae's.

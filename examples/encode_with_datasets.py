"""Encode a Hugging Face data set in two processes, fit a sampler on its columns, draw from it.

Needs ``pip install riemann-sampler datasets``; run it with ``python encode_with_datasets.py``.
"""

import torch
from datasets import Dataset
from sklearn.datasets import load_digits
from torch import Tensor, nn

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.batches import BatchEncoder


class VAE(nn.Module):
    """A small variational autoencoder of 8 × 8 images."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.SiLU(), nn.Linear(128, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 128), nn.SiLU(), nn.Linear(128, 64), nn.Unflatten(1, (8, 8)))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of each image's code."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Images in [0, 1]."""
        return self.decoder(z).sigmoid()


def train(model: VAE, images: Tensor) -> None:
    """Maximise the evidence lower bound for a few seconds."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(600):
        x = images[torch.arange(128).add(step * 128) % len(images)]
        mean, log_variance = model.encode(x)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
        loss = (20 * (model.decode(z) - x).square().sum() + divergence) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main() -> None:
    """Train, encode, fit, draw."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the processes that encode are forks of this one
    images = torch.tensor(load_digits().images, dtype=torch.float32) / 16
    model = VAE()
    train(model, images)

    dataset = Dataset.from_dict({"image": images.numpy()})
    dataset = dataset.map(BatchEncoder(model, column="image"), batched=True, num_proc=2).with_format("torch")
    posterior = GaussianPosterior(dataset["mean"][:], dataset["log_variance"][:])

    sampler = RiemannianUniformSampler.from_preset("clusters", model).fit(posterior)
    samples = sampler.sample(16, seed=0)
    error = (model.decode(posterior.mean) - images).square().mean()
    print(f"{len(posterior.mean)} images encoded, mean squared error {error:.4f}; {len(samples)} drawn:")
    print("\n".join("".join(" .:*#"[min(4, int(5 * value))] for value in row) for row in samples[0].tolist()))


if __name__ == "__main__":
    main()

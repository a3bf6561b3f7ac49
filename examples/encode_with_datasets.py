"""Encode a Hugging Face data set in two processes, fit a sampler on its columns, draw from it.

Needs ``pip install riemann-sampler datasets``; run it with ``python encode_with_datasets.py``.
"""

import torch
from datasets import Dataset
from sklearn.datasets import load_digits
from small_vae import train

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.sharding import BatchEncoder


def main() -> None:
    """Train, encode, fit, draw."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the processes that encode are forks of this one
    images = torch.tensor(load_digits().images, dtype=torch.float32) / 16
    model = train(images, 8, n_steps=600)

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

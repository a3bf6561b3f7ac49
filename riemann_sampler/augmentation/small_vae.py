r"""A small variational autoencoder for those who have none: of tables, or of images in [0, 1].

It maximizes the evidence lower bound with a weighted divergence (Higgins et al. 2017),

.. math:: \log p(x \mid z) - \beta\, \mathrm{KL}(q(z \mid x) \,\|\, N(0, I)), \quad z \sim q(z \mid x)

where p is Bernoulli for pixels, categorical for one-hot groups, Gaussian of unit variance for standardized numbers. If
there are labels, a linear classifier is to tell them from z, and its weighted cross-entropy is added to the loss: their
codes lie apart then, and what is drawn around a code is more of its label's kind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from ..compute import progress_bar

__all__ = ["VAE", "Layout", "one_thread", "train_vae"]

WIDTH: Final = 128
CHANNELS: Final = (16, 32)
BATCH_SIZE: Final = 64
LEARNING_RATE: Final = 2e-3
N_STEPS, N_PASSES = 1_000, 10
"""A training has so many steps, or passes over the data if these are more."""

ROWS_AT_A_TIME: Final = 4096
"""Rows that are reconstructed in one pass."""

BETA: Final = 0.1
SUPERVISION: Final = 3.0
"""Weight of the labels' cross-entropy, beside a likelihood in nats."""


@dataclass(frozen=True)
class Layout:
    """Columns of a table: standardized numbers, then a one-hot group for each categorical feature.

    Attributes:
        n_numeric: How many columns are numbers.
        categories: Columns of each group.
    """

    n_numeric: int
    categories: tuple[int, ...] = ()

    @property
    def n_columns(self) -> int:
        """All columns."""
        return self.n_numeric + sum(self.categories)

    def split(self, x: Float[Tensor, "n columns"]) -> tuple[Tensor, ...]:
        """The numbers, and each group."""
        parts: tuple[Tensor, ...] = x.split([self.n_numeric, *self.categories], 1)
        return parts


class VAE(nn.Module):
    """A variational autoencoder with Gaussian posteriors, untrained; `train_vae` gives a trained one.

    Args:
        shape: Shape of a data point, (columns,) or (channels, height, width).
        layout: What the columns are; None for images.
        latent_dim: Dimension of the latent space.

    Attributes:
        noise: Residual standard deviation of each number, in standard deviations of its column.
    """

    noise: Tensor

    def __init__(self, shape: tuple[int, ...], layout: Layout | None, latent_dim: int) -> None:
        super().__init__()
        self.shape, self.layout, self.latent_dim = shape, layout, latent_dim
        encoder, decoder = _images(shape) if layout is None else _table(shape[0])
        self.encoder = nn.Sequential(*encoder, nn.Linear(WIDTH, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, WIDTH), nn.SiLU(), *decoder)
        self.register_buffer("noise", torch.zeros(0 if layout is None else layout.n_numeric))

    def encode(self, x: Float[Tensor, "n ..."]) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of each data point's code."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n ..."]:
        """Images; or numbers and the probabilities of categories, those of a group adding up to 1."""
        logits = self.logits(z)
        if self.layout is None:
            return logits.sigmoid()
        numbers, *groups = self.layout.split(logits)
        return torch.cat([numbers, *(group.softmax(1) for group in groups)], 1)

    def logits(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n ..."]:
        """What `decode` takes the probabilities from."""
        x: Tensor = self.decoder(z)
        return x if self.layout is not None else x[..., : self.shape[1], : self.shape[2]]

    def error(self, z: Float[Tensor, "n dim"], x: Float[Tensor, "n ..."]) -> Tensor:
        """Mean negative log likelihood of data points given their codes, in nats, up to a constant."""
        logits = self.logits(z)
        if self.layout is None:
            return functional.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        (numbers, *groups), (wanted, *ones) = self.layout.split(logits), self.layout.split(x)
        total = (numbers - wanted).square().sum() / 2
        for group, one in zip(groups, ones, strict=True):
            total = total + functional.cross_entropy(group, one, reduction="sum")
        return total / len(x)


def _table(n_columns: int) -> tuple[list[nn.Module], list[nn.Module]]:
    """Layers of encoder and decoder, without those next to the code."""
    encoder = [nn.Linear(n_columns, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU()]
    return encoder, [nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, n_columns)]


def _images(shape: tuple[int, ...]) -> tuple[list[nn.Module], list[nn.Module]]:
    """Likewise, for images: two convolutions of stride 2; the decoder's images are to be cropped."""
    n_channels, (first, second) = shape[0], CHANNELS
    height, width = (-(-size // 4) for size in shape[1:])
    size = second * height * width
    encoder = [
        *(nn.ZeroPad2d((0, -shape[2] % 4, 0, -shape[1] % 4)), nn.Conv2d(n_channels, first, 4, 2, 1), nn.SiLU()),
        *(nn.Conv2d(first, second, 4, 2, 1), nn.SiLU(), nn.Flatten(), nn.Linear(size, WIDTH), nn.SiLU()),
    ]
    decoder = [
        *(nn.Linear(WIDTH, size), nn.SiLU(), nn.Unflatten(1, (second, height, width))),
        *(nn.ConvTranspose2d(second, first, 4, 2, 1), nn.SiLU(), nn.ConvTranspose2d(first, n_channels, 4, 2, 1)),
    ]
    return encoder, decoder


def train_vae(
    data: Float[Tensor, "n ..."],
    layout: Layout | None = None,
    *,
    labels: Int[Tensor, " n"] | None = None,
    latent_dim: int | None = None,
    n_steps: int | None = None,
    seed: int = 0,
) -> VAE:
    """A trained variational autoencoder; neither the global random state nor the data are changed.

    Args:
        data: Images in [0, 1], (n, channels, height, width), or a table.
        layout: What the columns of a table are.
        labels: Classes of the data, from 0; None trains without.
        latent_dim: Dimension of the latent space; None takes 16, or fewer for a table of fewer columns.
        n_steps: Steps of the optimizer; None takes 1,000, or 10 passes over the data if these are more.
        seed: Seed of the weights, the order of the data and the latent noise.

    Returns:
        The model, in evaluation mode.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = tuple(data.shape[1:])
    dim = latent_dim or (16 if layout is None else min(16, shape[0]))
    n_classes = 1 if labels is None else int(labels.max()) + 1
    with torch.device("meta"):  # so that nothing is drawn from the global random state
        model, classifier = VAE(shape, layout, dim), nn.Linear(dim, n_classes)
    for net in (model, classifier):
        _initialize(net.to_empty(device="cpu"), generator)
    n_steps = n_steps or max(N_STEPS, N_PASSES * -(-len(data) // BATCH_SIZE))
    with one_thread():
        _optimize(model, classifier, data, labels, n_steps, generator)
    if layout is not None:
        model.noise = _residual_noise(model, data, layout)
    return model.eval().requires_grad_(requires_grad=False)


@torch.no_grad()
def _residual_noise(model: VAE, data: Tensor, layout: Layout) -> Tensor:
    """Root mean square of what reconstructions of the numbers miss."""
    total = torch.zeros(layout.n_numeric)
    for x in data.split(ROWS_AT_A_TIME):
        numbers, wanted = (layout.split(part)[0] for part in (model.decode(model.encode(x)[0]), x))
        total += (wanted - numbers).square().sum(0)
    return (total / len(data)).sqrt()


@contextmanager
def one_thread() -> Iterator[None]:
    """Nets this small gain nothing from more threads, and wait long for them where other work keeps the cores busy."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _initialize(net: nn.Module, generator: torch.Generator) -> None:
    """Weights uniform within the inverse square root of what comes in, as in torch, and biases 0."""
    for name, values in net.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(values)
        else:
            nn.init.kaiming_uniform_(values, a=5**0.5, generator=generator)


def _optimize(
    model: VAE, classifier: nn.Linear, data: Tensor, labels: Tensor | None, n_steps: int, generator: torch.Generator
) -> None:
    parameters = [*model.parameters(), *classifier.parameters()]
    optimizer = torch.optim.Adam(parameters, LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=n_steps)
    batches = _batches(len(data), generator)
    for step in progress_bar(range(n_steps), desc="train a VAE", unit="step"):
        rows = next(batches)
        x = data[rows]
        mean, log_variance = model.encode(x)
        z = mean + torch.randn(mean.shape, generator=generator) * (log_variance / 2).exp()
        divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / (2 * len(x))
        # The divergence comes in slowly, so that no latent unit dies early.
        loss = model.error(z, x) + BETA * min(1.0, 2 * step / n_steps) * divergence
        if labels is not None:
            loss = loss + SUPERVISION * functional.cross_entropy(classifier(z), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _batches(n: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows of batches in random order, no row twice in a pass, without end."""
    while True:
        yield from torch.randperm(n, generator=generator).split(BATCH_SIZE)

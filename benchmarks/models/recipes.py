"""pythae's variational autoencoders, trained here and now, or once and kept.

The loop is plain torch: pythae's own trainer writes to disk and sets the global random state.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Float
from pythae import models
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.models.rhvae.rhvae_utils import create_inverse_metric, create_metric
from safetensors.torch import load, save
from torch import Tensor, nn
from tqdm import tqdm

from riemann_sampler.augmentation import one_thread

from ..harness.provenance import replace_file
from ..harness.training import minimize

__all__ = ["RECIPES", "Recipe", "cached", "make", "train"]

WIDTH, CHANNELS = 256, (16, 32)
BATCH_SIZE, LEARNING_RATE, N_STEPS = 128, 2e-3, 2_000
LARGEST_GRADIENT = 1e4


class Recipe(NamedTuple):
    """How a model of pythae is trained, beside the shape of the data.

    Attributes:
        config: Arguments of its configuration.
        warms_up: Whether what its loss adds to the reconstruction error grows from 0 in the first half of the training,
            so that no latent unit dies early; only losses that are such a sum can.
    """

    config: dict[str, Any]
    warms_up: bool = True


RECIPES: Final[dict[str, Recipe]] = {
    "VAE": Recipe({}),
    "BetaVAE": Recipe({"beta": 0.1}),
    "IWAE": Recipe({"number_samples": 5}, warms_up=False),
    "VAMP": Recipe({"number_components": 100}),
    "INFOVAE_MMD": Recipe({}),
    "RHVAE": Recipe({"n_lf": 1}, warms_up=False),
}


class Encoder(BaseEncoder):
    """Two convolutions of stride 2 (images) or a hidden layer (tables), a hidden layer, mean and log-variance."""

    def __init__(self, shape: tuple[int, ...], latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        first, second = CHANNELS
        layers: list[nn.Module] = [nn.Linear(shape[0], WIDTH), nn.SiLU()]
        if len(shape) == 3:
            layers = [nn.Conv2d(shape[0], first, 4, 2, 1), nn.SiLU(), nn.Conv2d(first, second, 4, 2, 1), nn.SiLU()]
        self.hidden = nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(WIDTH), nn.SiLU())
        self.mean = nn.Linear(WIDTH, latent_dim)
        self.log_variance = nn.Linear(WIDTH, latent_dim)

    def forward(self, x: Float[Tensor, "n ..."]) -> ModelOutput:
        """Posterior of each data point, in the fields that pythae gives it."""
        hidden = self.hidden(x)
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))


class Decoder(BaseDecoder):
    """The encoder's layers in reverse; images in [0, 1], cropped to their size."""

    def __init__(self, shape: tuple[int, ...], latent_dim: int) -> None:
        super().__init__()
        first, second = CHANNELS
        self.shape = shape
        layers: list[nn.Module] = [nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, shape[0])]
        if len(shape) == 3:
            height, width = (-(-size // 4) for size in shape[1:])
            layers = [
                *(nn.Linear(WIDTH, second * height * width), nn.SiLU(), nn.Unflatten(1, (second, height, width))),
                *(nn.ConvTranspose2d(second, first, 4, 2, 1), nn.SiLU()),
                *(nn.ConvTranspose2d(first, shape[0], 4, 2, 1), nn.Sigmoid()),
            ]
        self.layers = nn.Sequential(nn.Linear(latent_dim, WIDTH), nn.SiLU(), *layers)

    def forward(self, z: Float[Tensor, "n dim"]) -> ModelOutput:
        """What each latent position decodes to."""
        x = self.layers(z)
        if len(self.shape) == 3:
            x = x[..., : self.shape[1], : self.shape[2]]
        return ModelOutput(reconstruction=x)


def make(name: str, shape: tuple[int, ...], latent_dim: int, *, seed: int = 0, **config: Any) -> Any:
    """An untrained model of pythae: Bernoulli likelihood for images in [0, 1], Gaussian for tables.

    Args:
        name: One of `RECIPES`.
        shape: Shape of a data point, (channels, height, width) or (features,).
        latent_dim: Dimension of the latent space.
        seed: Seed of the initial weights; torch's global state stays as it was.
        **config: Arguments of the model's configuration that replace the recipe's.

    Returns:
        The model.
    """
    arguments = {"reconstruction_loss": "bce" if len(shape) == 3 else "mse", **RECIPES[name].config, **config}
    make_config = getattr(models, f"{name}Config", None) or getattr(models, f"{name}_Config")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        encoder, decoder = Encoder(shape, latent_dim), Decoder(shape, latent_dim)
        encoder(torch.zeros(1, *shape))
        config = make_config(input_dim=shape, latent_dim=latent_dim, **arguments)
        return getattr(models, name)(config, encoder=encoder, decoder=decoder)


def train(
    name: str,
    data: Float[Tensor, "n ..."],
    latent_dim: int,
    *,
    n_steps: int = N_STEPS,
    seed: int = 0,
    **config: Any,
) -> Any:
    """A trained model of pythae; torch's global state stays as it was.

    Args:
        name: One of `RECIPES`.
        data: Training data, images in [0, 1] or a table.
        latent_dim: Dimension of the latent space.
        n_steps: Steps of the optimizer, whatever the number of data.
        seed: Seed of the initial weights, the order of the data and the latent noise.
        **config: Arguments of the model's configuration that replace the recipe's.

    Returns:
        The model, in evaluation mode.
    """
    model = make(name, tuple(data.shape[1:]), latent_dim, seed=seed, **config).train()
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.default_generator.manual_seed(seed)
        _optimize(model, data, n_steps, warms_up=RECIPES[name].warms_up)
    return model.eval()


def _optimize(model: Any, data: Tensor, n_steps: int, *, warms_up: bool) -> None:
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=n_steps)
    if hasattr(model, "M"):  # RHVAE's metric is that of the last batches seen: of one pass over the data
        n_batches = -(-len(data) // BATCH_SIZE)
        model.M, model.centroids = deque(maxlen=n_batches), deque(maxlen=n_batches)

    def loss(batch: tuple[int, Tensor]) -> Tensor:
        step, rows = batch
        output = model({"data": data[rows]})
        return torch.lerp(output.recon_loss, output.loss, min(1.0, 2 * step / n_steps)) if warms_up else output.loss

    batches = _batches(len(data), n_steps)
    bar = tqdm(batches, f"train {model.model_name}", n_steps, unit="step", delay=2, leave=False)
    # RHVAE's metric is nearly singular at times: such a step is shortened, or left out.
    minimize(loss, optimizer, enumerate(bar), schedule=schedule, largest_gradient=LARGEST_GRADIENT)
    model.update()


def _batches(n: int, n_steps: int) -> Iterator[Tensor]:
    """Rows of each step, in random order, no row twice in a pass."""
    step = 0
    while step < n_steps:
        for rows in torch.randperm(n).split(BATCH_SIZE)[: n_steps - step]:
            step += 1
            yield rows


def cached(
    folder: Path, name: str, data: Float[Tensor, "n ..."], latent_dim: int, *, label: str, n_steps: int, seed: int
) -> tuple[Any, str]:
    """A model as `train` makes it, kept in a file whose name tells how it was made; and that name.

    Args:
        folder: Where such files are.
        name: One of `RECIPES`.
        data: Training data.
        latent_dim: Dimension of the latent space.
        label: Names the data in the name of the file.
        n_steps: Steps of the optimizer.
        seed: Seed, as for `train`.

    Returns:
        The model, in evaluation mode, and the name of its file.
    """
    made = [RECIPES[name], latent_dim, n_steps, seed, WIDTH, CHANNELS, BATCH_SIZE, LEARNING_RATE]
    digest = hashlib.sha256(json.dumps(made).encode() + data.numpy().tobytes()).hexdigest()[:12]
    path = folder / f"{label}-{name}-seed{seed}-{digest}.safetensors"
    if path.exists():
        return _restored(name, tuple(data.shape[1:]), latent_dim, load(path.read_bytes())), path.name
    model = train(name, data, latent_dim, n_steps=n_steps, seed=seed)
    replace_file(path, save(_state(model)))
    return model, path.name


METRIC: Final = ("M_tens", "centroids_tens")
"""What an RHVAE learns beside its weights."""


def _state(model: Any) -> dict[str, Tensor]:
    metric = {key: getattr(model, key) for key in METRIC if hasattr(model, key)}
    return {key: value.detach().contiguous() for key, value in {**model.state_dict(), **metric}.items()}


def _restored(name: str, shape: tuple[int, ...], latent_dim: int, state: dict[str, Tensor]) -> Any:
    model = make(name, shape, latent_dim)
    for key in METRIC:
        if key in state:
            setattr(model, key, state.pop(key))
            model.G, model.G_inv = create_metric(model), create_inverse_metric(model)
    model.load_state_dict(state)
    return model.eval()

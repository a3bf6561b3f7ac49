"""Small tasks for the samplers of the benchmarks: models of pythae whose encoder and decoder are known maps."""

from typing import Any

import numpy as np
import torch
from pythae import models
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import Tensor, nn

from benchmarks.harness.isolation import set_apart
from benchmarks.samplers.interface import Task
from riemann_sampler.adapters import as_latent_model
from tests.helpers.builders import generator

LOG_VARIANCE = -4.0
"""Of every posterior; its standard deviation is 0.135."""

FAR, NEAR = 4.0, -4.0
"""Along both latent axes, the middle of a third of the codes, and of the others."""


class Encoder(BaseEncoder):
    """μ = 10 x − 5; half of it is dropped in training mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.layer.weight.data, self.layer.bias.data = 10 * torch.eye(2), torch.full((2,), -5.0)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> ModelOutput:
        mean = self.dropout(self.layer(x))
        return ModelOutput(embedding=mean, log_covariance=torch.full_like(mean, LOG_VARIANCE))


class Decoder(BaseDecoder):
    """x = (z + 5) / 10."""

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=(z + 5) / 10)


def latents(data: Tensor) -> Tensor:
    """The latent positions that were decoded to these data."""
    return 10 * data - 5


def make_model(name: str = "VAE", **config: Any) -> Any:
    """A model of pythae around these maps, in training mode."""
    with set_apart():
        make_config = getattr(models, f"{name}Config")
        return getattr(models, name)(
            make_config(input_dim=(2,), latent_dim=2, **config), encoder=Encoder(), decoder=Decoder()
        )


def make_vamp(*, n_near: int = 2, n_far: int = 1) -> Any:
    """A VAMP model whose first pseudo-inputs are encoded to the middle of the near group, the others to the far one."""
    model = make_model("VAMP", number_components=n_near + n_far)
    layer = model.pseudo_inputs[0]
    codes = torch.tensor([NEAR] * n_near + [FAR] * n_far)
    layer.weight.data = ((codes + 5) / 10).expand(2, -1).clone()
    layer.bias.data = torch.zeros(2)
    return model


def make_rhvae(train: Tensor) -> Any:
    """An RHVAE whose metric has the first codes for centroids."""
    model = make_model("RHVAE")
    with set_apart():
        model({"data": train[:20]})
        model.update()
    return model


def make_task(model: Any = None, n: int = 300) -> Task:
    """Two groups of data, far apart and of unequal size, and held-out data elsewhere."""
    labels = np.arange(n) % 3 == 0
    middle = torch.where(torch.from_numpy(labels)[:, None], FAR, NEAR)
    train = ((middle + 0.3 * torch.randn(n, 2, generator=generator()) + 5) / 10).clamp(0, 1)
    train[0], train[1] = 1.0, 0.0  # pythae takes data that reach from 0 to 1
    model = model or make_model()
    latent = as_latent_model(model)
    heldout = 0.5 + 0.01 * torch.randn(40, 2, generator=generator(1))
    return Task(model, latent, latent.encode(train), train, labels.astype(int), heldout)


def assert_random_order(of_first_kind: Tensor) -> None:
    """Draws of two kinds change from one to the next as often as in random order, within five standard errors."""
    share = of_first_kind.double().mean().item()
    assert 0.1 < share < 0.9
    expected = 2 * share * (1 - share) * (len(of_first_kind) - 1)
    changes = int((of_first_kind[1:] != of_first_kind[:-1]).sum())
    assert abs(changes - expected) < 5 * expected**0.5


class Grey:
    """A sampler of a user's own, in few lines: noise around grey."""

    def fit(self, task: Task, seed: int) -> "Grey":  # noqa: ARG002 - a sampler is called so
        self._like = task.train
        return self

    def sample(self, n_samples: int, seed: int) -> torch.Tensor:
        noise = torch.rand(n_samples, *self._like.shape[1:], generator=torch.Generator().manual_seed(seed))
        return 0.4 + 0.1 * noise

"""Models of pythae in folders, and what they give."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.helpers.models import digit_images, make_noisy_pythae_vae

IMAGES = digit_images()[:7]


def outputs(model: Any) -> dict[str, Tensor]:
    """Everything that the encoder and the decoder give in evaluation mode."""
    model.eval()
    with torch.no_grad():
        encoded = dict(model.encoder(IMAGES))
        return encoded | dict(model.decoder(encoded["embedding"]))


def assert_same(first: dict[str, Tensor], second: dict[str, Tensor]) -> None:
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert tensor.dtype == second[name].dtype, name
        assert torch.equal(tensor, second[name]), name


def saved(model: Any, folder: Path) -> Path:
    model.save(str(folder))
    return folder


def custom_nets(seed: int) -> dict[str, nn.Module]:
    """An encoder and a decoder that are not pythae's, with weights of their own."""
    model = make_noisy_pythae_vae(seed=seed)
    return {"encoder": model.encoder, "decoder": model.decoder}

"""A model and its adapter for each library: what the contract of every adapter is tested on."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.harness.isolation import set_apart
from riemann_sampler.adapters import FunctionAdapter, as_latent_model
from riemann_sampler.protocols import LatentModel
from tests.helpers.diffusers_models import make_mode_dependent_diffusers
from tests.helpers.models import digit_images, make_noisy_pythae_vae, make_plain_vae
from tests.helpers.monai_models import make_mode_dependent_monai
from tests.helpers.scvi_models import cells, scvi_model

IMAGES = digit_images()[:7]
LARGE_IMAGES = IMAGES.repeat_interleave(3, 2).repeat_interleave(3, 3)
DIM = 3

Gaussian = tuple[Tensor, Tensor]


class Case(NamedTuple):
    """A module, its adapter, and the posterior and data by calls written by hand (module in evaluation mode).

    Attributes:
        module: What may not be changed.
        adapter: Its adapter.
        encode: Mean and log-variance, both (n, dim).
        decode: Data of positions (n, dim).
        data: Seven data points.
        dim: Dimension of the latent space.
    """

    module: nn.Module
    adapter: LatentModel
    encode: Callable[[Any], Gaussian]
    decode: Callable[[Tensor], Tensor]
    data: Tensor = IMAGES
    dim: int = DIM


def of_module() -> Case:
    module = make_plain_vae(DIM)
    return Case(module, as_latent_model(module), module.encode, module.decode)


def of_functions() -> Case:
    module = make_plain_vae(DIM).eval()  # the mode is the functions' own business

    def encode(x: Any) -> Gaussian:
        mean, log_variance = module.encode(torch.as_tensor(x).to(module.mean.weight.dtype))
        return mean, (log_variance / 2).exp()

    adapter = FunctionAdapter(encode=encode, decode=module.decode, latent_dim=DIM, spread="std")
    return Case(module, adapter, module.encode, module.decode)


def of_pythae() -> Case:
    module = make_noisy_pythae_vae(DIM)

    def encode(x: Tensor) -> Gaussian:
        output = module.encoder(x)
        return output.embedding, output.log_covariance

    return Case(module, as_latent_model(module), encode, lambda z: module.decoder(z).reconstruction)


def of_diffusers() -> Case:
    module = make_mode_dependent_diffusers()

    def encode(x: Tensor) -> Gaussian:
        law = module.encode(x).latent_dist
        return law.mean.flatten(1), law.logvar.flatten(1)

    return Case(module, as_latent_model(module), encode, lambda z: module.decode(z.reshape(-1, 2, 4, 4)).sample, dim=32)


def of_monai_spatial() -> Case:
    module = make_mode_dependent_monai("AutoencoderKL")

    def encode(x: Tensor) -> Gaussian:
        mean, deviation = module.encode(x)
        return mean.flatten(1), 2 * deviation.flatten(1).log()

    return Case(module, as_latent_model(module), encode, lambda z: module.decode(z.reshape(-1, 2, 4, 4)), dim=32)


def of_monai_vectors() -> Case:
    module = make_mode_dependent_monai("VarAutoEncoder")
    return Case(module, as_latent_model(module), module.encode_forward, module.decode_forward)


def of_scvi() -> Case:
    with set_apart():
        model = deepcopy(scvi_model("nb"))
    counts = torch.tensor(cells()[:7].X.toarray())

    def batch(n: int) -> Tensor:
        return torch.zeros(n, 1, dtype=torch.int64)  # G1, the most frequent phase

    def encode(x: Tensor) -> Gaussian:
        with set_apart():  # it draws a code too
            law = model.module.inference(x, batch(len(x)))["qz"]
        return law.loc, 2 * law.scale.log()

    def decode(z: Tensor) -> Tensor:
        size = torch.tensor(cells().X.sum(1)).median().log().expand(len(z), 1).to(z.dtype)
        return model.module.generative(z, size, batch(len(z)))["px"].mean

    return Case(model.module.train(), as_latent_model(model), encode, decode, counts)


def _of_zoo(name: str, encode: Callable[[Any, Tensor], Gaussian], dim: int = 4) -> Callable[[], Case]:
    def make_case() -> Case:
        with set_apart():
            from benchmarks.models.zoo import modules

            module = getattr(modules, name)()
        images = getattr(module, "vae", module).images
        decode = (lambda z: images(z.reshape(-1, 2, 2, 2))) if dim == 8 else images
        return Case(module, as_latent_model(module), lambda x: encode(module, x), decode, LARGE_IMAGES, dim)

    return make_case


def _flat(module: Any, x: Tensor) -> Gaussian:
    mean, log_variance = module.gaussian(x)
    return mean.flatten(1), log_variance.flatten(1)


CASES: dict[str, Callable[[], Case]] = {
    "module": of_module,
    "functions": of_functions,
    "pythae": of_pythae,
    "diffusers": of_diffusers,
    "monai AutoencoderKL": of_monai_spatial,
    "monai VarAutoEncoder": of_monai_vectors,
    "scvi": of_scvi,
    "mapping": _of_zoo("MappingVAE", _flat),
    "distribution": _of_zoo("DistributionVAE", _flat),
    "spatial codes": _of_zoo("SpatialVAE", _flat, dim=8),
    "lightning": _of_zoo("LightningVAE", lambda module, x: module.vae.gaussian(x)),
}

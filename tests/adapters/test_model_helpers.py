"""The models that other tests use."""

import torch

from benchmarks.harness.snapshots import random_states
from riemann_sampler.adapters import as_latent_model
from tests.helpers.models import IMAGE_SHAPE, make_digits_vae


def test_training_on_the_digits_is_repeatable_and_leaves_the_random_state() -> None:
    before = random_states()
    first, images = make_digits_vae(epochs=1, seed=3)
    other, _ = make_digits_vae(epochs=1, seed=4)
    assert random_states() == before
    with torch.random.fork_rng():
        torch.rand(1)  # another global state, the same model
        again, _ = make_digits_vae(epochs=1, seed=3)
    assert images.shape == (1797, *IMAGE_SHAPE)
    assert (images.min(), images.max()) == (0, 1)
    assert not first.training
    assert all(parameter.grad is None for parameter in first.parameters())
    codes = [as_latent_model(model).encode(images).mean for model in (first, again, other)]
    assert torch.equal(codes[0], codes[1])
    assert not torch.equal(codes[0], codes[2])


def test_training_on_the_digits_does_not_collapse() -> None:
    model, images = make_digits_vae(latent_dim=2, epochs=5)
    posterior = as_latent_model(model).encode(images)
    assert (posterior.mean.var(0) > 0.3).all()
    assert (posterior.log_variance.mean(0) < -0.5).all()

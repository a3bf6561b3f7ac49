"""The benchmark of paths: measures by hand, the race with stochman's stand-ins, and the command in small."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmarks.data.features import FeatureMap
from benchmarks.studies.interpolation import main, run, speed, study_table, table
from benchmarks.studies.interpolation.bench import ENDS, Bench, pairs
from benchmarks.studies.interpolation.measures import Judge, log_length, roughness
from benchmarks.studies.interpolation.methods import METHODS, STRAIGHT, study_methods
from benchmarks.studies.interpolation.pictures import map_picture, strips_picture
from riemann_sampler import GaussianPosterior
from riemann_sampler.errors import ArgumentError
from riemann_sampler.geometry import ConformalMetric, interpolate, straight, widen
from tests.helpers.builders import diagonal_metric, normal


class OnAxis:
    """A model that knows only the images whose second number is 0: it decodes z to itself."""

    latent_dim = 2

    def encode(self, x: Tensor) -> GaussianPosterior:
        mean = x * torch.tensor([1.0, 0.0])
        return GaussianPosterior(mean, torch.zeros_like(mean))

    def decode(self, z: Tensor) -> Tensor:
        return z


def judge() -> Judge:
    features = FeatureMap("raw", lambda data: data.double().numpy())
    train = torch.tensor([[0.0, 0.0], [10.0, 0.0]], dtype=torch.float64)
    return Judge(OnAxis(), features, train, ConformalMetric(diagonal_metric(dim=2)))


def test_measures_by_hand() -> None:
    points = torch.tensor([[[0, 0], [3, 4], [6, 0]], [[10, 1], [10, 2], [10, 1]]], dtype=torch.float64)
    found = judge().measure(points)
    assert found["error"] == pytest.approx((0 + 4 + 0 + 1 + 2 + 1) / 6)
    assert found["worst_error"] == pytest.approx((4 + 2) / 2)
    assert found["largest_error"] == 4
    assert found["nearest"] == pytest.approx((0 + 5 + 4 + 1 + 2 + 1) / 6)
    assert found["worst_nearest"] == pytest.approx((5 + 2) / 2)
    assert found["roughness"] == pytest.approx((8 + 2) / 2)
    ends = judge().ends(points)
    assert ends == {"error": pytest.approx((0 + 0 + 1 + 1) / 4), "nearest": pytest.approx((0 + 4 + 1 + 1) / 4)}


def test_roughness_is_the_second_difference() -> None:
    t = torch.arange(6.0)[:, None, None]
    frames = torch.stack([t.square() * torch.tensor([3.0, 4.0]), 7 * t * torch.tensor([3.0, 4.0])])
    assert roughness(frames[:1]) == pytest.approx(10)
    assert roughness(frames[1:]) == pytest.approx(0, abs=1e-4)


def test_cost_is_that_of_the_search() -> None:
    metric = diagonal_metric(k=20, dim=3)
    a, b = metric.centroids[:4], metric.centroids[4:8]
    found = interpolate(metric, a, b, n_points=200)
    element = ConformalMetric(metric)
    assert torch.allclose(log_length(element, found.points), found.log_cost, rtol=0, atol=1e-5)
    ratio = Judge(OnAxis(), judge().feature_map, judge().train_features, element).cost_ratio
    lines = straight(a, b, 200)
    expected = (found.log_cost - log_length(element, lines)).mean().exp()
    assert ratio(found.points, lines) == pytest.approx(float(expected), rel=1e-3)
    assert expected < 1


def test_leaving_the_data_is_told() -> None:
    far = straight(torch.full((3, 2), 30.0).double(), torch.full((3, 2), 31.0).double(), 5)
    on = judge().element.metric.centroids[:3, None].expand(3, 5, 2)
    assert judge().measure(torch.cat([far[:1], on]))["leaves_data"] == 0.25


def test_pairs_share_no_code() -> None:
    codes = torch.arange(20.0)[:, None]
    a, b = pairs(codes, 9, seed=1)
    assert len({*a.flatten().tolist(), *b.flatten().tolist()}) == 18
    assert torch.equal(a, pairs(codes, 9, seed=1)[0])
    assert not torch.equal(a, pairs(codes, 9, seed=2)[0])
    with pytest.raises(ArgumentError, match="at most 10, for there are 20 held-out codes; got 11"):
        pairs(codes, 11, seed=1)


class Shades(OnAxis):
    """Decodes to images of two pixels."""

    def decode(self, z: Tensor) -> Tensor:
        return z.sigmoid()[:, None, None]


def test_pictures_show_ours_beside_straight_lines() -> None:
    metric = diagonal_metric(k=20, dim=2)
    of_images = Judge(Shades(), judge().feature_map, judge().train_features, ConformalMetric(widen(metric)))
    bench = Bench(metric, metric.centroids[:5], metric.centroids[5:10], of_images)
    figure = strips_picture({"digits": bench, "fashion": bench})
    assert [axes.get_title().partition(",")[0] for axes in figure.axes] == ["digits", "fashion"]
    for axes in figure.axes:
        assert [tick.get_text() for tick in axes.get_yticklabels()] == ["ours", "straight"] * 3
        canvas = np.asarray(axes.images[0].get_array())
        for row, code in zip(axes.get_yticks(), metric.centroids[:3].repeat_interleave(2, 0), strict=True):
            left = canvas[round(row), canvas.shape[1] // 12 // 3, 0]
            assert left == pytest.approx(1 - float(code[0].sigmoid()), abs=1e-6)
    legend = map_picture(bench).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["centroids (20)", "ours (5)", "straight (5)"]


@pytest.mark.parametrize("name", METHODS)
def test_each_method_joins_the_codes(name: str) -> None:
    metric = diagonal_metric(k=20, dim=2)
    a, b = metric.centroids[:3] + 0.1, metric.centroids[3:6] + 0.1
    found = METHODS[name](metric, a, b, 7)
    assert found.points.shape == (3, 7, 2)
    assert torch.allclose(found.points[:, 0], a)
    assert torch.allclose(found.points[:, -1], b)
    assert (found.converged is None) == (name in ("straight", "spherical", "graph, unrefined"))


@pytest.mark.slow
def test_variants_differ_by_exponent_and_scale() -> None:
    metric = diagonal_metric(k=10, dim=3)
    found = {
        name: method(metric, metric.centroids[:1], metric.centroids[1:2], 9).points
        for name, method in study_methods().items()
    }
    assert len(found) == 17
    assert len({points.numpy().round(6).tobytes() for points in found.values()}) == 17


def test_the_line_element_given_to_stochman_is_ours() -> None:
    metric = diagonal_metric(k=7, dim=3)
    z = normal(5, 3).requires_grad_()
    diagonal = speed.conformal_diagonal(metric, 0.3)(z)
    element = ConformalMetric(metric)
    log_norm, by_position, _ = element.log_norm_and_gradients(z, torch.ones_like(z))
    expected = (2 * log_norm - 0.6).exp() / 3  # |v|² = 3
    assert torch.allclose(diagonal, expected[:, None].expand(5, 3))
    (slope,) = torch.autograd.grad(diagonal[:, 0].log().sum(), z)
    assert torch.allclose(slope, 2 * by_position)


class Manifold:
    """In the place of stochman's."""

    def connecting_geodesic(self, a: Tensor, b: Tensor) -> tuple[Any, Tensor]:
        if self.metric(a).ndim == 3:
            msg = "no\nmatrices"
            raise RuntimeError(msg)
        return lambda t: straight(a, b, len(t)), torch.tensor(False)


def test_what_fails_has_a_row_that_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = ModuleType("stochman.manifold")
    module.Manifold = Manifold
    monkeypatch.setitem(sys.modules, "stochman", ModuleType("stochman"))
    monkeypatch.setitem(sys.modules, "stochman.manifold", module)
    ours, inverse, diagonal, dense = speed.measure(quick=True)["rows"]
    assert all(row["seconds"] > 0 for row in (ours, inverse, diagonal))
    assert ours["log_length"] < diagonal["log_length"]
    assert ours["note"] == "100% converged"
    assert diagonal["note"] == "150 steps, not converged"
    assert dense["seconds"] is None
    assert dense["note"] == "failed: RuntimeError: no matrices"


def test_without_stochman_its_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stochman", None)
    metric = diagonal_metric(k=20, dim=3)
    row = speed._row("stochman", speed.SOLVERS["stochman, dense"], metric, metric.centroids[:2], metric.centroids[2:4])
    assert row == {"name": "stochman", "seconds": None, "log_length": None, "note": "stochman is not installed"}


def in_this_process(function: Any, *arguments: Any) -> Any:
    return function(*arguments)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the command is given to end in seconds."""
    monkeypatch.setattr(run, "FEATURES", "raw")
    monkeypatch.setattr(run, "in_own_process", in_this_process)
    monkeypatch.setitem(sys.modules, "stochman", None)
    return SimpleNamespace(arguments=["--data", "digits", "--quick", "--pairs", "4", "--points", "6", "--steps", "60"])


def test_command(quick: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*quick.arguments, "--cache", str(tmp_path / "models"), "--output", str(tmp_path)])
    figures = json.loads((tmp_path / "interpolation.json").read_text())
    assert [row["path"] for row in figures["rows"]] == [ENDS, *METHODS]
    by_path = {row["path"]: row for row in figures["rows"]}
    assert by_path["ours"]["cost_ratio"] <= by_path[STRAIGHT]["cost_ratio"] == 1
    assert by_path["ours"]["converged"] == 1
    text, printed = table(figures), capsys.readouterr().out
    assert text in printed
    for part in ("4 pairs of test codes, 6 points", "digits-raw", "d = 2: exponent 1", "60 steps", "is not installed"):
        assert part in text
    for name in ("interpolation.png", "interpolation-map.png"):
        with Image.open(tmp_path / name) as picture:
            assert np.asarray(picture.convert("L"), dtype=float).std() > 20
    assert {path.name for path in tmp_path.iterdir()} == {
        *("models", "interpolation.json", "interpolation.png", "interpolation-map.png")
    }


@pytest.mark.slow
def test_the_study_is_of_validation_codes(quick: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([*quick.arguments, "--study", "--cache", str(tmp_path / "models"), "--output", str(tmp_path)])
    figures = json.loads((tmp_path / "interpolation-study.json").read_text())
    assert [row["path"] for row in figures["rows"]] == [ENDS, *study_methods()]
    text = study_table(figures)
    assert "4 pairs of validation codes" in text
    assert text in capsys.readouterr().out

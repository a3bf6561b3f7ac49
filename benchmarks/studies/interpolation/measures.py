r"""What is said of decoded paths.

A path :math:`z_1, \dots, z_T` decodes to frames :math:`x_t`. Of each frame are taken its error, the distance
:math:`\|x_t - \mathrm{decode}(\mathrm{encode}(x_t))\|` to what the model makes of it again, near 0 for what it knows,
and the distance in features to the nearest training datum. Roughness is the mean of
:math:`\|x_{t+1} - 2 x_t + x_{t-1}\|` along a path; it depends on T, which is the same for all.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from riemann_sampler import LatentModel
from riemann_sampler.geometry import ConformalMetric, leaves_data

from ...data.features import FeatureMap
from ...samplers.registry import decode, encode
from ...scores.distances import Points, as_points, nearest

__all__ = ["Judge", "log_length", "roughness"]


def roughness(frames: Float[Tensor, "paths frames ..."]) -> float:
    """Mean size of the second differences along paths."""
    return float(frames.diff(n=2, dim=1).flatten(2).norm(dim=2).mean())


def log_length(element: ConformalMetric, points: Float[Tensor, "n n_points dim"]) -> Float[Tensor, " n"]:
    """Log length of each path by the line element, its pieces measured at their middles."""
    middles, pieces = 0.5 * (points[:, 1:] + points[:, :-1]), points.diff(dim=1)
    logs = element.log_norm_and_gradients(middles.flatten(0, 1), pieces.flatten(0, 1))[0]
    return logs.unflatten(0, pieces.shape[:2]).logsumexp(1)


@dataclass(frozen=True)
class Judge:
    """What decoded paths are judged by.

    Attributes:
        latent: The model.
        feature_map: Features of its data.
        train_features: Those of the training data.
        element: What measures the cost of a path: the same for all.
    """

    latent: LatentModel
    feature_map: FeatureMap
    train_features: Points
    element: ConformalMetric

    def frames(self, points: Float[Tensor, "paths frames dim"]) -> Float[Tensor, "paths frames ..."]:
        """What positions along paths decode to."""
        return decode(self.latent, points.flatten(0, 1).float()).unflatten(0, points.shape[:2])

    def measure(self, points: Float[Tensor, "paths frames dim"]) -> dict[str, float]:
        """Figures of paths: means over all frames, and the worst frame of a path, averaged over paths.

        Args:
            points: Positions along each.

        Returns:
            The figures by name; ``largest_error`` is that of the worst frame of all.
        """
        frames = self.frames(points)
        errors, distances = self._errors(frames), self._distances(frames)
        return {
            "error": float(errors.mean()),
            "worst_error": float(errors.amax(1).mean()),
            "largest_error": float(errors.max()),
            "nearest": float(distances.mean()),
            "worst_nearest": float(distances.amax(1).mean()),
            "roughness": roughness(frames),
            "leaves_data": float(leaves_data(self.element.metric, points).double().mean()),
        }

    def ends(self, points: Float[Tensor, "paths frames dim"]) -> dict[str, float]:
        """Error and feature distance of the decoded ends alone, which every path has: no path is asked for less."""
        frames = self.frames(points[:, [0, -1]])
        return {"error": float(self._errors(frames).mean()), "nearest": float(self._distances(frames).mean())}

    def cost_ratio(
        self, points: Float[Tensor, "paths frames dim"], straight: Float[Tensor, "paths frames dim"]
    ) -> float:
        """Length by the element over that of straight lines, as a geometric mean over paths."""
        ratios = log_length(self.element, points) - log_length(self.element, straight)
        return float(ratios.mean().exp())

    def _errors(self, frames: Float[Tensor, "paths frames ..."]) -> Float[Tensor, "paths frames"]:
        flat = frames.flatten(0, 1)
        again = decode(self.latent, encode(self.latent, flat).mean)
        return (again - flat).flatten(1).norm(dim=1).unflatten(0, frames.shape[:2])

    def _distances(self, frames: Float[Tensor, "paths frames ..."]) -> Float[Tensor, "paths frames"]:
        features = as_points(self.feature_map.extract(frames.flatten(0, 1)))
        return nearest(features, self.train_features).squared_distances.sqrt().unflatten(0, frames.shape[:2])

"""How well a trained VAE's posteriors are those that its decoder implies.

For a Gaussian p(x|z) with variance σ, the unit prior and a divergence weighted by β, the posterior of a code has the
precision (arXiv:2209.07370, eqs. 9-11; J is the decoder's Jacobian at the code)

    Σ⁻¹ ≈ JᵀJ/(βσ) + I,

so that the metric of the posteriors is, up to a scale, the one that the decoder pulls back from data space.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..adapters import jacobian_columns, squared_column_norms
from ..compute import progress_bar
from ..encoding import check_posterior, encode_data, in_double, summarize
from ..errors import DataError
from ..protocols import LatentModel
from ..validation import natural, positive

__all__ = ["PullbackCalibration", "pullback_calibration"]

JACOBIAN_ELEMENTS = 2**24
"""Numbers in the Jacobians that are held at a time; where that of one code has more, no products are taken of it."""


@dataclass(frozen=True)
class PullbackCalibration:
    """Posterior precisions of a trained VAE beside those that its decoder implies.

    Attributes:
        precisions: Of each code along each latent axis, as the encoder gives them: 1/variance.
        predicted: What the decoder implies, diag(JᵀJ)/noise_variance + 1.
        noise_variance: βσ, in squared units of the data.
        active: Whether each latent unit carries information; figures are taken over those that do.
        off_diagonal: ‖JᵀJ − diag(JᵀJ)‖_F / ‖JᵀJ‖_F at each code: the share of the implied precision that a diagonal
            posterior cannot express. None where the Jacobian of one code is too large to be held.
    """

    precisions: Float[Tensor, "n dim"]
    predicted: Float[Tensor, "n dim"]
    noise_variance: float
    active: Bool[Tensor, " dim"]
    off_diagonal: Float[Tensor, " n"] | None

    @property
    def log_correlation(self) -> float:
        """Pearson correlation of log precisions and log predictions, over codes and active units; 1 is best.

        NaN where one of them does not vary.
        """
        return _correlation(self.precisions[:, self.active].log(), self.predicted[:, self.active].log())

    @property
    def median_error(self) -> float:
        """Median of |log(predicted/precision)|, over codes and active units, in nats; 0 is best."""
        return _error(self.precisions[:, self.active], self.predicted[:, self.active])

    def summary(self) -> str:
        """A row for each latent unit and one for all that are active, as a table.

        In a unit's row, precisions are medians over codes, and the correlation tells whether they follow the prediction
        from code to code; in the last row, from unit to unit as well.
        """
        units = [(str(unit), self.precisions[:, [unit]], self.predicted[:, [unit]]) for unit in range(len(self.active))]
        units.append(("all active", self.precisions[:, self.active], self.predicted[:, self.active]))
        rows: list[tuple[str, ...]] = [("unit", "active", "precision", "predicted", "log correlation", "median error")]
        for (name, precisions, predicted), active in zip(units, [*self.active.tolist(), True], strict=True):
            figures = (
                precisions.median().item(),
                predicted.median().item(),
                _correlation(precisions.log(), predicted.log()),
                _error(precisions, predicted),
            )
            rows.append((name, "yes" if active else "no", *map(_readable, figures)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        off_diagonal = math.nan if self.off_diagonal is None else self.off_diagonal.median().item()
        return "\n".join(
            [
                f"codes                {len(self.precisions):,}",
                f"noise variance       {_readable(self.noise_variance)}",
                f"off-diagonal, median {_readable(off_diagonal)}",
                "",
                *table,
            ]
        )


def pullback_calibration(
    model: Any, data: Any, *, noise_variance: float | None = None, batch_size: int = 256
) -> PullbackCalibration:
    """Compare posterior precisions with diag(JᵀJ)/(βσ) + 1 at each code (arXiv:2209.07370, eqs. 9-11).

    Without ``noise_variance`` it is fitted, as the median over codes and active units of diag(JᵀJ)/(precision − 1):
    then as many precisions lie above as below their prediction, and the errors tell of the pattern alone, not of the
    scale. The equations are for a Gaussian p(x|z); for another one they hold as far as its variance is even.

    Args:
        model: A trained model, as `RiemannianUniformSampler` takes it, whose decoder can be differentiated.
        data: What the model encodes, or posteriors of it, as `RiemannianUniformSampler.fit` takes them.
        noise_variance: βσ: the variance σ of p(x|z) times the weight β of the divergence, in squared units of the data.
            pythae's mse losses have σ = 1 and, in BetaVAE, β = ``beta``.
        batch_size: Data points encoded, and codes differentiated at, at a time.

    Returns:
        Both precisions, and how far they agree.

    Raises:
        DataError: The data cannot be used, no latent unit is active, or no noise variance fits.
        UnsupportedModelError: The model has no Gaussian posterior, or its decoder cannot be differentiated.

    Example:
        >>> print(pullback_calibration(vae, images).summary())
    """
    from ..adapters import as_latent_model  # adapters stand beside the core, not below it

    model = as_latent_model(model)
    batch_size = natural("batch_size", batch_size)
    given = None if noise_variance is None else positive("noise_variance", noise_variance)
    posterior = encode_data(model, data, batch_size)
    check_posterior(posterior)
    active = summarize(posterior).active.to(posterior.mean.device)
    if not active.any():
        msg = "no latent unit is active (posterior collapse), so there is nothing to compare: train with a lower beta."
        raise DataError(msg)
    squares, off_diagonal = _pulled_back(model, posterior.mean, batch_size)
    precisions = (-posterior.log_variance.to(squares)).exp()
    fitted = _fitted(squares[:, active], precisions[:, active]) if given is None else given
    return PullbackCalibration(
        precisions=precisions,
        predicted=squares / fitted + 1,
        noise_variance=fitted,
        active=active,
        off_diagonal=off_diagonal,
    )


def _pulled_back(
    model: LatentModel, codes: Float[Tensor, "n dim"], batch_size: int
) -> tuple[Float[Tensor, "n dim"], Float[Tensor, " n"] | None]:
    """Diagonal of JᵀJ at each code, and the share of its norm that is off the diagonal; float64."""
    size = model.decode(codes[:1]).numel() * codes.shape[1]  # of one Jacobian
    whole = size <= JACOBIAN_ELEMENTS
    n_rows = min(batch_size, JACOBIAN_ELEMENTS // size) if whole else batch_size
    squares, shares = [], []
    for rows in progress_bar(codes.split(n_rows), desc="differentiate", unit="batch"):
        if not whole:
            squares.append(in_double(squared_column_norms(model, rows)))
            continue
        J = torch.stack(list(jacobian_columns(model, rows)), 2)  # (rows, size, dim)
        product = in_double(J.mT @ J)
        diagonal = product.diagonal(dim1=1, dim2=2)
        squares.append(diagonal)
        shares.append((product - torch.diag_embed(diagonal)).norm(dim=(1, 2)) / product.norm(dim=(1, 2)))
    return torch.cat(squares), torch.cat(shares) if whole else None


def _fitted(squares: Float[Tensor, "n active"], precisions: Float[Tensor, "n active"]) -> float:
    """βσ at which as many precisions are above JᵀJ/(βσ) + 1 as below."""
    found = (squares / (precisions - 1).clamp(min=0)).nanmedian().item()
    if not (found > 0 and math.isfinite(found)):
        msg = (
            f"noise_variance cannot be fitted: the median of diag(JᵀJ)/(precision − 1) is {found:.3g}, for posteriors "
            "that are as wide as the prior, or a decoder that does not follow the codes. Pass noise_variance."
        )
        raise DataError(msg)
    return found


def _correlation(x: Tensor, y: Tensor) -> float:
    return torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1].item()


def _error(precisions: Tensor, predicted: Tensor) -> float:
    return (predicted / precisions).log().abs().median().item()


def _readable(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"

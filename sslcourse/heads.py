"""What stands on an encoder while it trains, and is thrown away afterwards."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def projection_head(
    features: int = 128, hidden: int = 128, projections: int = 64
) -> nn.Sequential:
    """Two layers from representations h (N, features) to projections z (N, projections).

    SimCLR, Section 2.1 (arXiv:2002.05709), with GELU for ReLU and batch normalisation.
    """
    return nn.Sequential(
        nn.Linear(features, hidden),
        nn.BatchNorm1d(hidden),
        nn.GELU(),
        nn.Linear(hidden, projections),
    )


def prediction_head(projections: int = 64, hidden: int = 256) -> nn.Sequential:
    """Two layers from a projection to a guess of the other view's projection, (N, D) -> (N, D).

    SimSiam and BYOL, with GELU for ReLU.
    """
    return nn.Sequential(
        nn.Linear(projections, hidden),
        nn.BatchNorm1d(hidden),
        nn.GELU(),
        nn.Linear(hidden, projections),
    )


class PrototypeHead(nn.Module):
    """DINO's head: h (N, features) -> scores (N, K), cosines of a bottleneck with K prototypes.

    Three layers to the bottleneck, a vector of length 1, then a linear layer whose rows have length 1 too,
    which is weight normalisation with a fixed length (DINO, Appendix C, arXiv:2104.14294).
    batch_norm: after each hidden layer, an option of the authors' code; for encoders that have none.
    """

    def __init__(
        self,
        features: int = 128,
        prototypes: int = 256,
        hidden: int = 128,
        bottleneck: int = 64,
        batch_norm: bool = False,
    ):
        super().__init__()
        layers = []
        for inputs in (features, hidden):
            layers += [nn.Linear(inputs, hidden)]
            if batch_norm:
                layers += [nn.BatchNorm1d(hidden)]
            layers += [nn.GELU()]
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, bottleneck))
        self.prototypes = nn.Parameter(torch.randn(prototypes, bottleneck))

    def forward(self, h: Tensor, frozen: bool = False) -> Tensor:
        """frozen: no gradient reaches the prototypes, as in the first steps of a training."""
        prototypes = self.prototypes.detach() if frozen else self.prototypes
        return F.normalize(self.layers(h), dim=1) @ F.normalize(prototypes, dim=1).T

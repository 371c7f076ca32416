"""What stands on an encoder while it trains, and is thrown away afterwards."""

from torch import nn


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

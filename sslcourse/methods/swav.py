"""SwAV: predict a view's assignment to prototypes from another view (Caron et al., arXiv:2006.09882).

Trained: an encoder, a projection head and K prototypes. "Our method simultaneously clusters the data while
enforcing consistency between cluster assignments produced for different augmentations."

Differs from the paper in: a small encoder, two views of equal size (the paper adds local ones), no queue, as
our batch is larger than K, and AdamW.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.losses import sinkhorn, swapped_prediction_loss, unit_vectors
from sslcourse.losses.refusals import refuse_widths


class SwAV(nn.Module):
    """An encoder, kept; a head and K prototypes, with which an image's code is made.

    assign: scores (N, K) -> codes (N, K), rows sum to 1. frozen_steps: so many steps at first leave the
    prototypes as they are, as the authors' code does. projections: the length of the prototypes, and of the
    projections of a head of your own too.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        prototypes: int = 60,
        projections: int = 64,
        temperature: float = 0.1,
        assign: Callable[[Tensor], Tensor] = sinkhorn,
        frozen_steps: int = 30,
    ):
        super().__init__()
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = projection_head(projections=projections) if head is None else head
        self.augment = Augmentation() if augment is None else augment
        self.prototypes = nn.Parameter(unit_vectors(torch.randn(prototypes, projections)))
        self.temperature, self.assign, self.frozen_steps = temperature, assign, frozen_steps
        self.register_buffer("step", torch.tensor(0))

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, K): cosines of the projections with the prototypes."""
        return self.scores(images, unit_vectors(self.prototypes))

    def scores(self, images: Tensor, prototypes: Tensor) -> Tensor:
        """Products (N, K) of the projections, brought to length 1, with prototypes (K, projections)."""
        z = unit_vectors(self.head(self.encoder(images)))
        refuse_widths("the head's output", z, "prototypes", prototypes)
        return z @ prototypes.T

    def loss(self, images: Tensor) -> Tensor:
        """Swapped prediction of the codes of two views, Section 3.1; or of pairs (N, 2, C, H, W)."""
        with torch.no_grad():
            prototypes = unit_vectors(self.prototypes)
            if self.training:  # the optimizer has changed their lengths
                self.prototypes.copy_(prototypes)
        if self.training and self.step >= self.frozen_steps:
            prototypes = self.prototypes  # with a gradient
        views = torch.cat([self.augment(image) for image in anchor_and_positive(images)])
        scores_a, scores_b = self.scores(views, prototypes).chunk(2)  # (N, K) each
        codes_a, codes_b = (self.assign(scores.detach()) for scores in (scores_a, scores_b))
        if self.training:
            self.step += 1
        return swapped_prediction_loss(scores_a, scores_b, codes_a, codes_b, self.temperature)

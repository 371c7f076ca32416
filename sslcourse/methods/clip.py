"""CLIP: images and captions find each other in one space (Radford et al., arXiv:2103.00020)."""

import math

import torch
from torch import Tensor, nn

from sslcourse.data import CAPTION_WORDS, LONGEST_CAPTION
from sslcourse.encoders import TextEncoder, conv_encoder
from sslcourse.losses import clip_loss, unit_vectors

LARGEST_SCALE = 100.0  # of 1 / temperature


class CLIP(nn.Module):
    """An image encoder, a text encoder, a linear layer behind each, and a learned temperature.

    "The learnable temperature parameter [...] was initialized to the equivalent of 0.07 [...] and clipped to
    prevent scaling the logits by more than 100 which we found necessary to prevent training instability."

    image_encoder: images (N, C, H, W) -> (N, features). text_encoder: word numbers (N, T) -> (N, T, width);
    number 0 is padding.
    leave_out_duplicates: captions that repeat an image's own word for word are no negatives for it.
    Differs from the paper in: small encoders, the text encoder is a transformer in which words see all
    others, and the mean over its words stands for the [EOS] token; no image augmentation.
    """

    def __init__(
        self,
        image_encoder: nn.Module | None = None,
        text_encoder: nn.Module | None = None,
        features: int = 128,
        width: int = 64,
        projections: int = 64,
        temperature: float = 0.07,
        leave_out_duplicates: bool = False,
    ):
        super().__init__()
        if image_encoder is None:
            image_encoder = conv_encoder(channels=3, width=24)
        if text_encoder is None:
            text_encoder = TextEncoder(len(CAPTION_WORDS), LONGEST_CAPTION, depth=1)
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.image_projection = nn.Linear(features, projections, bias=False)
        self.text_projection = nn.Linear(width, projections, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(temperature)))
        self.leave_out_duplicates = leave_out_duplicates

    @property
    def temperature(self) -> Tensor:
        return torch.exp(-self.log_scale)

    def forward(self, images: Tensor) -> Tensor:
        return self.embed_images(images)

    def embed_images(self, images: Tensor) -> Tensor:
        """Unit vectors (N, projections)."""
        return unit_vectors(self.image_projection(self.image_encoder(images)))

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """Unit vectors (N, projections): the mean over a sentence's words, projected."""
        real = (tokens != 0).unsqueeze(2)  # (N, T, 1)
        if not real.any(1).all():
            raise ValueError("a caption without a word cannot be embedded")
        words = self.text_encoder(tokens) * real  # (N, T, width)
        return unit_vectors(self.text_projection(words.sum(1) / real.sum(1)))

    def loss(self, batch: tuple[Tensor, ...]) -> Tensor:
        """CLIP's loss of (images, tokens), or of (images, tokens, wrong tokens).

        A row of wrong tokens is a false caption, a hard negative; rows of zeros are none.
        """
        images, tokens, *wrong = batch
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(LARGEST_SCALE))
        same = (tokens[:, None] == tokens).all(2) if self.leave_out_duplicates else None
        wrong_texts = self.embed_texts(wrong[0][wrong[0].any(1)]) if wrong else None
        z_images, z_texts = self.embed_images(images), self.embed_texts(tokens)
        return clip_loss(z_images, z_texts, self.temperature, same, wrong_texts)

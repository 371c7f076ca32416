"""BEiT: hide blocks of patches and predict their tokens (Bao, Dong, Piao and Wei, arXiv:2106.08254).

"The pre-training objective is to recover the original visual tokens based on the corrupted image patches."
(Abstract)

Trained: the encoder, kept; a mask token and a linear layer, thrown away. The tokeniser is trained before, and
is frozen. A learned vector stands in the place of each masked patch (Section 2.3), so the encoder, unlike
that of MAE, processes every position. The loss covers masked positions only.
Differs from the paper in: small networks; no class token; positions start as sine waves.
"""

import copy

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import VisionTransformer
from sslcourse.masking import block_mask
from sslcourse.methods.discrete_vae import PatchTokenizer


class BEiT(nn.Module):
    """An encoder that predicts, at masked positions, what a frozen tokeniser says of the whole image.

    images: (N, C, H, H); masks: (N, L), True = hidden. ratio: the share that block_mask hides at least.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        tokenizer: PatchTokenizer,
        ratio: float = 0.4,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.encoder, self.ratio, self.generator = encoder, ratio, generator
        self.tokenizer = copy.deepcopy(tokenizer).requires_grad_(False)  # frozen
        self.mask_token = nn.Parameter(0.02 * torch.randn(encoder.width))
        self.to_codes = nn.Linear(encoder.width, tokenizer.n_codes)

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """Logits of the code at every position, (N, L, K), from what the mask leaves visible."""
        patches = self.encoder.embed(images).flatten(2).transpose(1, 2)  # (N, L, width)
        tokens = torch.where(mask.unsqueeze(2), self.mask_token, patches)
        return self.to_codes(self.encoder.layers(tokens + self.encoder.positions))

    def mask(self, n: int) -> Tensor:
        """A new block-wise mask for each of n images, (n, L)."""
        device = self.mask_token.device
        return block_mask(n, self.encoder.n_patches, self.ratio, self.generator, device)

    def loss(self, images: Tensor) -> Tensor:
        """Cross-entropy, in nats, of the true tokens at the masked positions only."""
        mask = self.mask(len(images))
        targets = self.tokenizer.tokens(images)  # of the whole image, not of what is visible
        return F.cross_entropy(self(images, mask)[mask], targets[mask])

    def predict(self, images: Tensor, mask: Tensor) -> Tensor:
        """Tokens (N, L): those of the image where it is visible, the likeliest where it is not."""
        return torch.where(mask, self(images, mask).argmax(2), self.tokenizer.tokens(images))

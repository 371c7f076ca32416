"""Masked language model: hide words, predict them from both sides (BERT, Devlin et al., arXiv:1810.04805).

"In order to train a deep bidirectional representation, we simply mask some percentage of the input tokens at
random, and then predict those masked tokens." (Section 3.1)

Trained: the encoder, kept, and one linear layer to the words, thrown away. Differs from the paper in: a small
encoder, whole words for word pieces, one sentence at a time, no next-sentence prediction.
"""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import TextEncoder
from sslcourse.masking import mask_tokens


class MaskedLanguageModel(nn.Module):
    """An encoder of words and a layer that predicts those selected from all that is left.

    tokens: (N, T), numbers of n_words words; number n_words is the mask token.
    """

    def __init__(
        self,
        n_words: int,
        longest: int,
        rate: float = 0.15,
        encoder: TextEncoder | None = None,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.n_words, self.rate, self.generator = n_words, rate, generator
        self.encoder = TextEncoder(n_words + 1, longest) if encoder is None else encoder
        self.to_words = nn.Linear(self.encoder.width, n_words)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (N, T, n_words) of the word at every position; the encoder sees all that is not masked."""
        return self.to_words(self.encoder(tokens))

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy at the selected positions only, of a batch (tokens, real), both (N, T)."""
        tokens, real = batch
        corrupted, selected = mask_tokens(
            tokens, real, self.n_words, self.rate, self.generator
        )
        logits = self.to_words(self.encoder(corrupted)[selected])  # (selected words, n_words)
        return F.cross_entropy(logits, tokens[selected])

    def hidden_word_logits(self, tokens: Tensor) -> Tensor:
        """Logits (N, T, n_words) of each word while it alone is masked: T passes."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        passes = [
            self(tokens.masked_fill(positions == position, self.n_words))[:, position]
            for position in positions
        ]
        return torch.stack(passes, dim=1)

"""Judge whole sentences: what a masked language model becomes when it is fine-tuned (arXiv:1810.04805)."""

from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import TextEncoder


class SentenceClassifier(nn.Module):
    """An encoder of words, the mean of a sentence's real words, and one linear layer.

    Differs from BERT in: the mean, where BERT takes the representation of a class token.
    """

    def __init__(self, encoder: TextEncoder, n_classes: int = 2):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.width, n_classes)

    def features(self, tokens: Tensor, real: Tensor) -> Tensor:
        """One representation a sentence, (N, width), of tokens and real, both (N, T)."""
        hidden = self.encoder(tokens) * real.unsqueeze(2)  # (N, T, width)
        return hidden.sum(1) / real.sum(1, keepdim=True)

    def forward(self, tokens: Tensor, real: Tensor) -> Tensor:
        """Logits (N, n_classes)."""
        return self.head(self.features(tokens, real))

    def loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Cross-entropy of a batch (tokens, real, labels)."""
        tokens, real, labels = batch
        return F.cross_entropy(self(tokens, real), labels)

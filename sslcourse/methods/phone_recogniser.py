"""A phone for every frame: an encoder of waveforms and one linear layer, trained together with labels."""

from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import SpeechEncoder


class PhoneRecogniser(nn.Module):
    """Logits (N, T, phones) of waveforms (N, samples); the linear layer starts at 0: all phones are alike."""

    def __init__(self, encoder: SpeechEncoder, n_phones: int = 16):
        super().__init__()
        self.encoder = encoder
        self.to_phones = nn.Linear(encoder.width, n_phones)
        nn.init.zeros_(self.to_phones.weight)
        nn.init.zeros_(self.to_phones.bias)

    def forward(self, waveforms: Tensor) -> Tensor:
        return self.to_phones(self.encoder(waveforms))

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy over all frames of a batch: waveforms (N, samples), phones (N, T)."""
        waveforms, phones = batch
        return F.cross_entropy(self(waveforms).flatten(0, 1), phones.flatten())

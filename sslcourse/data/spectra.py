"""Spectra of waveforms: how loud each pitch is, frame by frame."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def mel_filters(
    n_mels: int, n_frequencies: int, rate: int, device: torch.device | str | None = None
) -> Tensor:
    """Triangles that gather frequencies (n_mels, n_frequencies), evenly spaced as the ear hears pitch.

    mel = 2595 log10(1 + Hz / 700); each triangle rises from the middle of the one below to 1 at its own.
    """
    hertz = torch.linspace(0, rate / 2, n_frequencies, device=device)
    highest = 2595 * math.log10(1 + rate / 1400)
    corners = 700 * (10 ** (torch.linspace(0, highest, n_mels + 2, device=device) / 2595) - 1)
    low, middle, high = (corners[i : n_mels + i].unsqueeze(1) for i in range(3))
    rising, falling = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    return torch.minimum(rising, falling).clamp_min(0)


def log_mel(waveforms: Tensor, n_mels: int = 26, rate: int = 8000, hop: int = 160) -> Tensor:
    """Log-mel spectra (N, T, n_mels) of waveforms (N, samples): the usual input of speech recognition.

    T = samples / hop; frame t is a window of 256 samples about its middle. Each band has mean 0 and standard
    deviation 1 over the utterance, which takes away how loud it is and how a microphone colours it.
    """
    window, n = 256, waveforms.shape[1]
    padded = F.pad(waveforms, ((window - hop) // 2,) * 2)
    hann = torch.hann_window(window, device=waveforms.device)
    spectrum = torch.stft(padded, window, hop, window=hann, center=False, return_complex=True)
    filters = mel_filters(n_mels, window // 2 + 1, rate, waveforms.device)
    bands = (filters @ spectrum.abs().square() + 1e-5).log().transpose(1, 2)[:, : n // hop]
    std, mean = torch.std_mean(bands, dim=1, keepdim=True)
    return (bands - mean) / (std + 1e-3)


def spliced(features: Tensor, each_side: int) -> Tensor:
    """Every frame of (N, T, D) with those before and behind it: (N, T, (2 * each_side + 1) * D)."""
    padded = F.pad(features.transpose(1, 2), (each_side, each_side), mode="replicate")
    return padded.unfold(2, 2 * each_side + 1, 1).transpose(1, 2).flatten(2)

"""Hear a waveform, with words for those who cannot."""

import base64
import html
import io
import wave
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Player:
    """A sound as the last value of a cell: controls to play it, and what is to be heard."""

    sounds: tuple[tuple[str, bytes], ...]  # (what it says, WAV file)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        page = "".join(map(_row, self.sounds))
        return {"text/html": page, "text/plain": "\n".join(words for words, _ in self.sounds)}


def play(sounds: dict[str, Tensor], rate: int = 8000) -> Player:
    """Sounds to be played one at a time, each under what it says: words -> waveform (samples,) in [-1, 1].

    The sound lies in the page itself, 2.7 bytes a sample, so it needs no server and no file.
    """
    for words, waveform in sounds.items():
        if waveform.ndim != 1 or not waveform.abs().max() <= 1 or not words.strip():
            raise ValueError(
                "a sound needs words that say what is heard, and one waveform (samples,) with values in "
                f"[-1, 1]; got {words!r}, {tuple(waveform.shape)}"
            )
    return Player(tuple((words, wav(waveform, rate)) for words, waveform in sounds.items()))


def wav(waveform: Tensor, rate: int = 8000) -> bytes:
    """A waveform (samples,) in [-1, 1] as a WAV file of 16 bits a sample."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            (waveform.detach().cpu() * 32767).round().short().numpy().astype("<i2").tobytes()
        )
    return buffer.getvalue()


def _row(sound: tuple[str, bytes]) -> str:
    words, content = html.escape(sound[0]), base64.b64encode(sound[1]).decode()
    source = f'src="data:audio/wav;base64,{content}"'
    return f'<p>{words}<br><audio controls preload="metadata" aria-label="{words}" {source}></audio></p>'

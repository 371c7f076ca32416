"""Synthetic speech: invented words of 15 phones, said by many voices, with the truth about every frame.

A voice is a source that a filter shapes (Fant, Acoustic theory of speech production, 1960): a buzz whose
pitch glides, or a hiss, and a mouth whose resonances, the formants, move from phone to phone.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional as F

RATE = 8000  # samples in a second
HOP = 160  # samples in a frame, 20 ms
N_FRAMES = 64  # in every utterance, 1.28 s
SAMPLES = HOP * N_FRAMES

PHONES = {  # formants in Hz; loudness of buzz and hiss; the hiss's middle and width in Hz; milliseconds
    "_": (500, 1500, 2500, 0.0, 0.0, 2000, 2000, 40),  # silence
    "a": (730, 1090, 2440, 1.0, 0.0, 2000, 2000, 86),  # vowels: Peterson and Barney, JASA 1952, men's means
    "e": (530, 1840, 2480, 1.0, 0.0, 2000, 2000, 79),
    "i": (270, 2290, 3010, 0.8, 0.0, 2000, 2000, 79),
    "o": (570, 840, 2410, 1.0, 0.0, 2000, 2000, 79),
    "u": (300, 870, 2240, 0.8, 0.0, 2000, 2000, 79),
    "m": (250, 1000, 2200, 0.5, 0.0, 2000, 2000, 58),
    "n": (250, 1600, 2500, 0.5, 0.0, 2000, 2000, 58),
    "l": (360, 1300, 2700, 0.6, 0.0, 2000, 2000, 58),
    "r": (310, 1060, 1500, 0.6, 0.0, 2000, 2000, 58),
    "s": (320, 1700, 2600, 0.0, 0.5, 3700, 500, 72),
    "S": (320, 1800, 2300, 0.0, 0.6, 2500, 500, 72),  # as in shoe
    "f": (320, 1100, 2200, 0.0, 0.25, 2000, 3000, 72),
    "p": (300, 800, 2200, 0.0, 0.5, 700, 500, 65),  # stops: silent at first, then a burst
    "t": (300, 1800, 2700, 0.0, 0.6, 3500, 800, 65),
    "k": (300, 1900, 2100, 0.0, 0.6, 1900, 400, 65),
}
STOPS = "ptk"
CLOSED = 0.6  # the share of a stop in which the mouth is closed
WORDS = (
    "mano", "salit", "kuSe", "tirof", "lepa", "nimu", "roka", "fetu", "Solam", "pinas", "kalep", "tusi",
    "memo", "rifa", "noSi", "suker", "lotan", "pafi", "Simel", "karu", "telos", "fonik", "ulape", "asome",
    "iritu", "enoka",
)  # fmt: skip
SAID, LONGEST = 3, max(map(len, WORDS))  # words in an utterance, phones in a word
VOICES = 24

FILTER_STEP, WINDOW = 80, 160  # samples between two settings of the filter, and those that each shapes
AT_ONCE = 50  # utterances


class SpeechSet(NamedTuple):
    """Utterances of three words, and what is said in every frame of 20 ms.

    waveforms: (N, 10240), 8000 samples a second, multiples of 1/32768, root mean square 0.1. phones: (N, 64),
    positions in phone_names of what is said in the middle of each frame. words: (N, 64), positions in
    word_names, -1 in silence. order: (N, 64), 0 to 2: which of the three words it is, -1 in silence.
    voices: (N,), numbers from 0 to 23.
    """

    waveforms: Tensor
    phones: Tensor
    words: Tensor
    order: Tensor
    voices: Tensor
    phone_names: tuple[str, ...] = tuple(PHONES)
    word_names: tuple[str, ...] = WORDS

    def select(self, rows: Tensor | slice) -> Self:
        """The utterances that rows names: positions, a slice, or True for those to keep."""
        return self._replace(**{name: getattr(self, name)[rows] for name in self._fields[:5]})

    def text(self, row: int) -> str:
        """The three words of one utterance."""
        said = [self.words[row][self.order[row] == number][0] for number in range(SAID)]
        return " ".join(self.word_names[word] for word in said)


class Script(NamedTuple):
    """Which phone begins when: positions in PHONES and seconds, both (N, L), and of which word it is."""

    phones: Tensor
    begins: Tensor
    ends: Tensor
    order: Tensor  # 0 to 2, -1 in silence

    def at(self, seconds: Tensor) -> tuple[Tensor, Tensor]:
        """What is said at times (T,): entries of the script (N, T), and which share of each has gone by."""
        entry = (seconds.reshape(1, -1, 1) >= self.ends.unsqueeze(1)).sum(2)
        begin, end = self.begins.gather(1, entry), self.ends.gather(1, entry)
        return entry, (seconds - begin) / (end - begin)


def speech(
    n: int, seed: int = 0, voices: Sequence[int] = range(12), decibels: tuple[float, float] = (0.0, 25.0)
) -> SpeechSet:
    """n utterances of three random words, by these of the 24 voices, which differ in pitch and mouth.

    Speed, pauses, pitch, and a background noise differ from utterance to utterance. decibels: the lowest and
    the highest level of the speech above that noise. The first n utterances do not depend on n. Another seed
    gives others: pretrain on one, test on another.

    Computed in float64 and rounded, so that every processor says the same.
    """
    if n < 1 or not voices or not set(voices) <= set(range(VOICES)):
        raise ValueError(f"need n >= 1 and voices from 0 to {VOICES - 1}, got {n} and {list(voices)}")
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for start in range(0, n, AT_ONCE):
        shape = min(AT_ONCE, n - start), N_UNIFORM + 2 * SAMPLES
        uniform = torch.rand(shape, dtype=torch.float64, generator=generator)
        parts.append(_speak(uniform, torch.tensor(list(voices)), decibels))
    return SpeechSet(*map(torch.cat, zip(*parts, strict=True)))


UNIFORM = {  # what is drawn for each utterance, and how many numbers it takes
    "voice": 1, "words": SAID, "pauses": SAID - 1, "speed": 1, "start": 1,
    "durations": SAID * (LONGEST + 1) + 1, "pitch": 4, "level": 1, "colour": 1,
}  # fmt: skip
N_UNIFORM = sum(UNIFORM.values())


def _speak(uniform: Tensor, voices: Tensor, decibels: tuple[float, float]) -> tuple[Tensor, ...]:
    """The fields of a SpeechSet, of random numbers (N, N_UNIFORM + 2 * SAMPLES)."""
    numbers, white, background = uniform.split([N_UNIFORM, SAMPLES, SAMPLES], dim=1)
    drawn = dict(zip(UNIFORM, numbers.split(list(UNIFORM.values()), dim=1), strict=True))
    voice = voices[(drawn["voice"][:, 0] * len(voices)).long()]
    words = (drawn["words"] * len(WORDS)).long()
    script = _script(words, drawn)
    sound = _filtered(_noise(white), script, _voices()[voice], drawn["pitch"])
    level = decibels[0] + (decibels[1] - decibels[0]) * drawn["level"]
    sound = _loud(sound) + 10 ** (-level / 20) * _loud(_coloured(_noise(background), drawn["colour"]))
    waveforms = (32768 * 0.1 * _loud(sound)).round().clamp(-32768, 32767).float() / 32768
    entry, _ = script.at((torch.arange(N_FRAMES, dtype=uniform.dtype) + 0.5) * HOP / RATE)
    order = script.order.gather(1, entry)
    said = words.gather(1, order.clamp_min(0)).masked_fill(order < 0, -1)
    return waveforms, script.phones.gather(1, entry), said, order, voice


def _voices() -> Tensor:
    """Pitch in Hz, size of the formants, breath, tilt of the spectrum; (VOICES, 4). Small mouths are high."""
    uniform = torch.rand(VOICES, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    size, pitch, breath, tilt = uniform.unbind(1)
    pitch = 90 * 2 ** (1.4 * (0.6 * size + 0.4 * pitch))  # 90 to 238 Hz
    formants = 0.8 + 0.45 * (0.8 * size + 0.2 * breath)
    return torch.stack([pitch, formants, 0.06 + 0.3 * breath, 0.6 + 0.8 * tilt], dim=1)


def _script(words: Tensor, drawn: dict[str, Tensor]) -> Script:
    """Spell the words (N, 3), with silence around them and pauses between some."""
    names, table = list(PHONES), torch.tensor([row[7] for row in PHONES.values()], dtype=torch.float64)
    spelled = torch.tensor([[names.index(x) for x in word.ljust(LONGEST, "_")] for word in WORDS])
    silence = torch.zeros(len(words), 1, dtype=torch.int64)
    phones, order = [silence], [silence - 1]
    for number in range(SAID):
        letters = spelled[words[:, number]]  # (N, LONGEST); a silence that pads a word takes no time
        phones += [letters, silence]
        order += [torch.where(letters > 0, number, -1), silence - 1]
    phones, order = torch.cat(phones, 1), torch.cat(order, 1)  # (N, L)
    seconds = table[phones] / 1000 * (0.75 + 0.5 * drawn["durations"]) / (0.7 + 0.6 * drawn["speed"])
    pauses = torch.zeros_like(seconds)
    pauses[:, [LONGEST + 1, 2 * LONGEST + 2]] = 0.04 * (drawn["pauses"] < 0.5).to(seconds.dtype)
    seconds = torch.where(phones == 0, pauses, seconds)
    room = SAMPLES / RATE - 0.06
    seconds *= (room / seconds.sum(1, keepdim=True)).clamp_max(1)
    seconds[:, :1] = 0.03 + drawn["start"] * (room - seconds.sum(1, keepdim=True))
    ends = seconds.cumsum(1)
    begins = ends - seconds
    ends[:, -1] = 2 * SAMPLES / RATE  # the rest is silence
    return Script(phones, begins, ends, order)


def _filtered(white: Tensor, script: Script, voice: Tensor, pitch: Tensor) -> Tensor:
    """The speech alone (N, SAMPLES): buzz and hiss, each shaped by its filter."""
    entry, gone = script.at(torch.arange(SAMPLES // FILTER_STEP + 1, dtype=white.dtype) * FILTER_STEP / RATE)
    phone = script.phones.gather(1, entry)
    setting = torch.tensor(list(PHONES.values()), dtype=white.dtype)[phone]  # (N, T, 8)
    stops = torch.tensor([name in STOPS for name in PHONES])[phone]
    setting[:, :, 3:5] *= ~(stops & (gone < CLOSED)).unsqueeze(2)
    formants = _smoothed(setting[:, :, :3], 7)  # the mouth moves slowly
    loudness, hiss = _smoothed(setting[:, :, 3:5], 3), _smoothed(setting[:, :, 5:7], 3)
    f0, size, breath, tilt = voice.reshape(-1, 4, 1, 1).unbind(1)
    frequency = torch.fft.rfftfreq(WINDOW, 1 / RATE, dtype=white.dtype)
    mouth = _resonances(frequency, formants * size) / (1 + frequency / 400) ** tilt
    teeth = torch.exp(-((frequency - hiss[:, :, :1]) / hiss[:, :, 1:]).square() / 2)
    buzz = _buzz(f0[:, :, 0], pitch) + breath[:, :, 0] * white
    return _shaped(buzz, loudness[:, :, :1] * mouth) + _shaped(white, loudness[:, :, 1:] * teeth)


def _resonances(frequency: Tensor, formants: Tensor) -> Tensor:
    """How much a mouth with these formants (N, T, 3) lets through at each frequency, (N, T, frequencies)."""
    gain = torch.ones(())
    for number, bandwidth in enumerate((80, 120, 180)):
        middle, half = formants[:, :, number, None], bandwidth / 2
        distances = ((frequency - middle) ** 2 + half**2) * ((frequency + middle) ** 2 + half**2)
        gain = gain * (middle**2 + half**2) / distances.sqrt()
    return gain


def _buzz(f0: Tensor, pitch: Tensor) -> Tensor:
    """The sum of all harmonics cos(k phi) below 4 kHz, in closed form; f0: (N, 1), result (N, SAMPLES)."""
    time = torch.arange(SAMPLES, dtype=f0.dtype) / RATE
    higher, fall, phase, vibrato = pitch.unsqueeze(2).unbind(1)  # each (N, 1)
    contour = 1 - 0.2 * fall * time / time[-1] + 0.03 * vibrato * (10 * math.pi * time + 7 * phase).sin()
    f0 = f0 * (1 + 0.15 * (higher - 0.5)) * contour  # (N, SAMPLES)
    angle = 2 * math.pi * (f0 / RATE).cumsum(1)
    harmonics = (0.475 * RATE / f0.amax(1, keepdim=True)).floor()
    half = (angle / 2).sin()
    half = torch.where(half.abs() < 1e-9, 1e-9, half)
    return (((harmonics + 0.5) * angle).sin() / half - 1) / 2 / harmonics.sqrt()


def _shaped(sound: Tensor, gain: Tensor) -> Tensor:
    """A sound (N, SAMPLES) through a filter that moves every FILTER_STEP samples; gain: (N, T, bins)."""
    window = torch.hann_window(WINDOW, dtype=sound.dtype)
    spectrum = torch.stft(sound, WINDOW, FILTER_STEP, window=window, return_complex=True)
    return torch.istft(spectrum * gain.transpose(1, 2), WINDOW, FILTER_STEP, window=window, length=SAMPLES)


def _coloured(noise: Tensor, colour: Tensor) -> Tensor:
    """Noise (N, SAMPLES), the lower the larger colour (N, 1)."""
    frequency = torch.fft.rfftfreq(WINDOW, 1 / RATE, dtype=noise.dtype)
    return _shaped(noise, (1 + frequency / 500) ** (-2 * colour.unsqueeze(2)))


def _noise(uniform: Tensor) -> Tensor:
    return math.sqrt(12) * (uniform - 0.5)


def _loud(sound: Tensor) -> Tensor:
    """With a root mean square of 1 in every row (N, SAMPLES)."""
    return sound / sound.square().mean(1, keepdim=True).sqrt()


def _smoothed(settings: Tensor, length: int) -> Tensor:
    """A mean over `length` steps of settings (N, T, C), weighted with a Hann window."""
    weights = torch.hann_window(length + 2, periodic=False, dtype=settings.dtype)[1:-1]
    channels = settings.transpose(1, 2)  # (N, C, T)
    padded = F.pad(channels, (length // 2, length // 2), mode="replicate").unfold(2, length, 1)
    return (padded * weights / weights.sum()).sum(3).transpose(1, 2)

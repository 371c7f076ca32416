"""One move of a slider: from the new value to the bytes of the picture, in the kernel.

Ours: an Explorer with image_rows, with a new Figure, with a Figure kept (layout frozen) from move to move,
and with one of which only the line is drawn again.
Theirs: ipywidgets.interactive_output around pyplot and the inline backend, which the notebooks of other
courses use; images as one tiled imshow, and as one axes an image.

Not shown: JupyterLab's own way from key press to kernel and back to the screen (35-50 ms for either, and
more over a network), the size of the message, flicker, moves that overlap, other backends (ipympl), other
libraries (plotly, bqplot). The autoencoder is untrained: its time does not depend on its weights.
"""

import itertools
from collections.abc import Callable

import ipywidgets
import matplotlib.pyplot as plt
import torch
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from matplotlib_inline.backend_inline import configure_inline_support

from benchmarks.measure import table
from sslcourse.augment import add_gaussian_noise
from sslcourse.data import images
from sslcourse.methods import Autoencoder
from sslcourse.plots import freeze_layout, image_rows, subplots
from sslcourse.widgets import explore, slider

X = torch.linspace(0, 10, 200)


def compare() -> list[str]:
    torch.manual_seed(0)
    shell = InteractiveShell.instance()  # as in a kernel, but with nobody at the other end
    shell.display_pub = Published()
    plt.switch_backend("module://matplotlib_inline.backend_inline")
    configure_inline_support(shell, "inline")
    image_contenders = {
        "Explorer, image_rows": ours(draw_rows),
        "interactive_output, one imshow": theirs(shell.display_pub, imshow_once),
        "interactive_output, imshow per image": theirs(shell.display_pub, imshow_each),
    }
    line_contenders = {
        "Explorer, Figure kept, line drawn": ours(kept_line(all_but_the_line_stays=True)),
        "Explorer, Figure kept": ours(kept_line(all_but_the_line_stays=False)),
        "Explorer, new Figure": ours(draw_line),
        "interactive_output, pyplot.plot": theirs(shell.display_pub, pyplot_line),
    }
    return [
        *table("slider: 8 x 8 images", image_contenders, repeats=10),
        *table("slider: a line of 200", line_contenders, repeats=20),
    ]


def ours(draw: Callable) -> Callable[[], object]:
    """A function that moves the slider to its next value."""
    explorer = explore(draw, strength=slider("strength", 0.0, 1.0, 0.01, 0.5))
    values = itertools.cycle([0.1, 0.2, 0.3])
    return lambda: explorer.set(strength=next(values))


class Published(DisplayPublisher):
    """Keeps what a kernel would send to the front end."""

    data: dict | None = None

    def publish(self, data, *_args, **_options) -> None:
        self.data = data

    def clear_output(self, wait: bool = False) -> None:
        self.data = None


def theirs(published: Published, draw: Callable) -> Callable[[], object]:
    control = ipywidgets.FloatSlider(0.5, min=0.0, max=1.0, step=0.01)
    ipywidgets.interactive_output(draw, {"strength": control})
    values = itertools.cycle([0.1, 0.2, 0.3])

    def move() -> None:
        control.value = next(values)
        assert "image/png" in published.data

    return move


# Images: 32 noisy ones and their reconstructions


MODEL, IMAGES = Autoencoder(16), images("fashion", "test", n=32).images


def noisy_and_outputs(strength: float) -> torch.Tensor:
    """Eight rows of eight images (8, 8, 1, 28, 28): noisy ones, then below each its reconstruction."""
    noisy = add_gaussian_noise(IMAGES, strength, torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.stack([noisy.view(4, 8, 1, 28, 28), MODEL(noisy).view(4, 8, 1, 28, 28)], 1).flatten(0, 1)


def draw_rows(strength: float):
    rows = noisy_and_outputs(strength)
    return image_rows({f"row {number}": row for number, row in enumerate(rows)}), f"noise {strength}"


def imshow_once(strength: float) -> None:
    tiled = noisy_and_outputs(strength).squeeze(2).permute(0, 2, 1, 3).reshape(8 * 28, 8 * 28)
    plt.figure(figsize=(5, 5))
    plt.imshow(tiled, cmap="gray", vmin=0, vmax=1)
    plt.axis("off")
    plt.show()


def imshow_each(strength: float) -> None:
    _, axes = plt.subplots(8, 8, figsize=(5, 5))
    for ax, image in zip(axes.flat, noisy_and_outputs(strength).flatten(0, 1), strict=True):
        ax.imshow(image[0], cmap="gray", vmin=0, vmax=1)
        ax.axis("off")
    plt.show()


# A line


def curve(strength: float) -> torch.Tensor:
    return torch.exp(-strength * X) * torch.cos(X)


def decorate(ax) -> None:
    ax.set(xlabel="time", ylabel="swing", ylim=(-1.1, 1.1))


def draw_line(strength: float):
    figure, ax = subplots()
    ax.plot(X, curve(strength))
    decorate(ax)
    return figure, f"damping {strength}"


def kept_line(all_but_the_line_stays: bool) -> Callable:
    figure, ax = subplots()
    (line,) = ax.plot(X, curve(0.5))
    decorate(ax)
    freeze_layout(figure, *[line] * all_but_the_line_stays)

    def draw(strength: float):
        line.set_ydata(curve(strength))
        return figure, f"damping {strength}"

    return draw


def pyplot_line(strength: float) -> None:
    _, ax = plt.subplots(figsize=(6.0, 3.2))
    ax.plot(X, curve(strength))
    decorate(ax)
    plt.show()

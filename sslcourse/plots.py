"""Pictures from tensors: axes in, axes out. No pyplot: its global state is not safe in callbacks."""

from itertools import combinations

import torch
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

# matplotlib's petroff6 and petroff10, which older versions lack: told apart by colour-blind readers too
COLORS = ["#5790fc", "#f89c20", "#e42536", "#964a8b", "#9c9ca1", "#7a21dd"]
CLASS_COLORS = [
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
]  # fmt: skip
CLASS_MARKERS = "osDP^vX<>*"
LINE_STYLES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1))]


def subplots(
    rows: int = 1, columns: int = 1, width: float = 6.0, height: float = 3.2
) -> tuple[Figure, Axes]:
    """Like pyplot.subplots, in the course's colours; width and height in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns)
    for ax in figure.axes:
        ax.set_prop_cycle(cycler(color=COLORS) + cycler(linestyle=LINE_STYLES))
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def freeze_layout(figure: Figure, *moving: Artist) -> None:
    """Lay the figure out once and for all: a slider that redraws it is then twice as fast.

    moving: the artists that will change, where they are few. All others are drawn once more and then kept;
    the moving ones are drawn over them, and the frames over those.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    if moving:
        _KeptCanvas(figure, moving)  # stays as figure.canvas


class _KeptCanvas(FigureCanvasAgg):
    """Draws the still artists of its figure once, and from then on only those that move."""

    def __init__(self, figure: Figure, moving: tuple[Artist, ...]):
        super().__init__(figure)
        frames = [spine for ax in figure.axes if ax.axison for spine in ax.spines.values()]
        self._moving = [*moving, *frames]  # a frame lies over what is in it
        for artist in self._moving:
            artist.set_animated(True)  # draw() of a figure leaves these out
        super().draw()
        self._still = self.copy_from_bbox(figure.bbox)

    def draw(self) -> None:
        self.restore_region(self._still)
        for artist in self._moving:
            self.figure.draw_artist(artist)


def image_rows(rows: dict[str, Tensor], scale: int = 2, gap: float = 1.0) -> Image.Image:
    """Rows of small images, each row named on its left.

    rows: name -> images (N, 1 or 3, H, W) or (N, H, W) in [0, 1]; values outside are clipped.
    scale: screen pixels per image pixel. gap: brightness of the lines between images, 1 is white.
    """
    font = ImageFont.load_default(size=14)
    margin = max(int(font.getlength(name)) for name in rows) + 12
    strips = [_strip(images, scale, gap) for images in rows.values()]
    size = margin + max(s.width for s in strips), sum(s.height for s in strips)
    picture = Image.new(
        "RGB" if any(s.mode == "RGB" for s in strips) else "L", size, color="white"
    )
    draw, top = ImageDraw.Draw(picture), 0
    for name, strip in zip(rows, strips, strict=True):
        draw.text(
            (margin - 8, top + strip.height / 2), name, fill="black", font=font, anchor="rm"
        )
        picture.paste(strip, (margin, top))
        top += strip.height
    return picture


def image_columns(columns: dict[str, Tensor], scale: int = 5) -> Image.Image:
    """Images side by side, each named above.

    columns: name -> image (1 or 3, H, W) in [0, 1]; values outside are clipped.
    scale: screen pixels per image pixel.
    """
    font = ImageFont.load_default(size=14)
    strips = [_strip(image.unsqueeze(0), scale, gap=1.0) for image in columns.values()]
    widths = [
        max(strip.width, int(font.getlength(name)) + 12)
        for name, strip in zip(columns, strips, strict=True)
    ]
    size = sum(widths), 24 + max(strip.height for strip in strips)
    picture = Image.new(
        "RGB" if any(s.mode == "RGB" for s in strips) else "L", size, color="white"
    )
    draw, left = ImageDraw.Draw(picture), 0
    for name, strip, width in zip(columns, strips, widths, strict=True):
        draw.text((left + width / 2, 12), name, fill="black", font=font, anchor="mm")
        picture.paste(strip, (left + (width - strip.width) // 2, 24))
        left += width
    return picture


def _strip(images: Tensor, scale: int, gap: float) -> Image.Image:
    """Images (N, C, H, W) or (N, H, W) side by side, with a line one pixel wide around each."""
    images = images.detach().cpu()
    images = images.unsqueeze(1) if images.ndim == 3 else images
    padded = torch.nn.functional.pad(images.clamp(0, 1), (1, 1, 1, 1), value=gap)
    pixels = (torch.cat(list(padded), dim=2) * 255).round().byte()  # (C, H, N * W)
    strip = Image.fromarray(
        (pixels[0] if len(pixels) == 1 else pixels.permute(1, 2, 0)).numpy()
    )
    return strip.resize((strip.width * scale, strip.height * scale), Image.Resampling.NEAREST)


def plot_losses(loss: list[float], validation: dict[int, float], ax: Axes) -> Axes:
    """Training loss per step and, with markers, validation loss per epoch."""
    ax.plot(range(1, len(loss) + 1), loss, color=COLORS[0], linewidth=1, label="training")
    if validation:
        ax.plot(
            *zip(*validation.items(), strict=True), "o--", color=COLORS[1], label="validation"
        )
    positive = min([*loss, *validation.values()], default=1.0) > 0
    ax.set(xlabel="step", ylabel="loss", yscale="log" if positive else "linear")
    ax.legend()
    return ax


def plot_classes(
    points: Tensor, labels: Tensor, names: list[str], ax: Axes, each: int = 50
) -> Axes:
    """Points in the colour and the marker of their class, and the name of each class amid its own.

    points: (N, 2); labels: (N,), positions in names; each: how many points of a class are drawn at most.
    Names keep clear of one another: set the limits and labels of the axes first.
    """
    tags = []
    for label, name in enumerate(names):
        own, look = points[labels == label], label % len(CLASS_COLORS)
        color, marker = CLASS_COLORS[look], CLASS_MARKERS[look]
        ax.plot(*own[:each].T, marker, color=color, markersize=4, alpha=0.7, linestyle="")
        frame = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": color}
        middle = own.median(0).values.tolist()
        tags.append(ax.text(*middle, name, ha="center", va="center", fontsize=8, bbox=frame))
    _move_apart(tags, ax)
    return ax


def _move_apart(tags: list[Text], ax: Axes) -> None:
    """Shift framed texts up and down until none covers another."""
    ax.figure.draw_without_rendering()  # only then is known where they are
    boxes = {tag: tag.get_bbox_patch().get_window_extent() for tag in tags}
    for _ in range(100):
        for pair in combinations(tags, 2):
            low, high = sorted(pair, key=lambda tag: boxes[tag].y0)
            if boxes[low].overlaps(boxes[high]):
                push = (boxes[low].y1 - boxes[high].y0) / 2 + 0.5
                boxes[low] = boxes[low].translated(0, -push)
                boxes[high] = boxes[high].translated(0, push)
    for tag, box in boxes.items():
        middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        tag.set_position(ax.transData.inverted().transform(middle))


def plot_speech(bands: Tensor, phones: list[str], ax: Axes) -> Axes:
    """Log-mel bands (T, n_mels) of an utterance over time, and the phone of each frame above, once a run.

    Silence is written "_" in phones and not shown. An utterance that these axes showed before goes.
    """
    n_frames, n_mels = bands.shape
    for old in [*ax.images, *ax.texts]:
        old.remove()
    ax.imshow(
        bands.T,
        origin="lower",
        aspect="auto",
        cmap="viridis",
        extent=(0, n_frames, 0, n_mels),
    )
    ax.set(xlabel="frame of 20 ms", ylabel="mel band", xlim=(0, n_frames))
    begin = 0
    for frame in range(1, n_frames + 1):
        if frame == n_frames or phones[frame] != phones[begin]:
            if phones[begin] != "_":
                middle = (begin + frame) / 2
                ax.text(
                    middle, n_mels + 0.3, phones[begin], ha="center", va="bottom", fontsize=10
                )
            begin = frame
    return ax

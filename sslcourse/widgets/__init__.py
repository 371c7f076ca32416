"""Sliders, the live view of a training, and quizzes."""

from sslcourse.widgets.controls import choice, slider, stepped_slider, text_field
from sslcourse.widgets.explore import Explorer, explore
from sslcourse.widgets.lesson import start_lesson
from sslcourse.widgets.live import Run, watch
from sslcourse.widgets.patch_grid import PatchGrid, patch_grid
from sslcourse.widgets.player import Player, play, wav
from sslcourse.widgets.quiz import Question, Quiz

__all__ = [
    "Explorer",
    "PatchGrid",
    "Player",
    "Question",
    "Quiz",
    "Run",
    "choice",
    "explore",
    "patch_grid",
    "play",
    "slider",
    "start_lesson",
    "stepped_slider",
    "text_field",
    "watch",
    "wav",
]

"""Sliders, the live view of a training, and quizzes."""

from sslcourse.widgets.controls import choice, slider, stepped_slider
from sslcourse.widgets.explore import Explorer, explore
from sslcourse.widgets.lesson import start_lesson
from sslcourse.widgets.live import Run, watch
from sslcourse.widgets.quiz import Question, Quiz

__all__ = [
    "Explorer",
    "Question",
    "Quiz",
    "Run",
    "choice",
    "explore",
    "slider",
    "start_lesson",
    "stepped_slider",
    "watch",
]

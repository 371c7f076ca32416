"""The browser tests forgive one error of the page, and no other."""

from types import SimpleNamespace

import pytest
from lab import is_race

MESSAGE = "Failed to execute 'removeChild' on 'Node': The node to be removed is not a child of this node."
LAB = "    at a.detachWidget (http://127.0.0.1:8888/static/lab/2633.ea05.js?v=ea05:2:34)"
WIDGETS = (
    "    at HTMLElement.<anonymous> (http://127.0.0.1:8888/lab/extensions/@jupyter-widgets/x/static/1.js:1:2)"
)
CELL = "    at eval (eval at evaluate (:370:30), <anonymous>:1:103)"
PAGE = "    at window.draw (http://127.0.0.1:8888/files/draw.js:1:1)"


def error(*frames, name="NotFoundError", message=MESSAGE):
    stack = "\n".join([f"{name}: {message}", *frames]) if frames else ""
    return SimpleNamespace(name=name, message=message, stack=stack)


@pytest.mark.parametrize("frames", [[LAB], [LAB, WIDGETS]])
def test_a_node_taken_away_twice_by_jupyterlab_is_forgiven(frames):
    assert is_race(error(*frames))


@pytest.mark.parametrize(
    "other",
    [
        error(),
        error(LAB, CELL),
        error(LAB, PAGE),
        error(LAB, name="TypeError"),
        error(LAB, message="Failed to execute 'appendChild' on 'Node': no such type"),
        error(LAB, name="", message="x is not defined"),
    ],
)
def test_every_other_error_fails_the_test(other):
    assert not is_race(other)

"""The stored detections of lesson 04: complete, explained, and made again at one point."""

import pytest
from left_out import point
from sweep import SEEDS

from sslcourse.data import images, sweep


def test_every_class_and_seed_is_stored():
    names, stored = images("fashion", "train")[2], sweep("left_out")
    assert list(stored) == list(names)
    for points in stored.values():
        assert [p["seed"] for p in points] == list(SEEDS)
        assert all(0 <= p[d] <= 1 for p in points for d in ("autoencoder", "PCA", "mean image"))


@pytest.mark.usefixtures("one_thread")
def test_a_stored_detection_can_be_made_again():
    again = point(label=8, seed=0)
    stored = sweep("left_out")["Bag"][0]
    for detector in ("autoencoder", "PCA", "mean image"):
        assert again[detector] == pytest.approx(stored[detector], abs=0.02)

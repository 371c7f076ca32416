"""The comparison of all methods: one protocol, memory counted by hand, a complete table, a row again."""

from statistics import fmean

import compare_methods
import curation
import pytest
import torch
from torch import nn

from sslcourse.data import sweep
from sslcourse.evaluate import training_memory
from sslcourse.methods import MoCo
from sslcourse.protocol import (
    BATCH_SIZE,
    CONTENDERS,
    CONTROLS,
    Task,
    batches_for,
    labelled_frames,
    pretraining_of,
    probe_accuracies,
    task,
    transfer_task,
)
from sslcourse.training import finish


class Square(nn.Module):
    """The mean square of a linear map: what it keeps for the backward pass can be counted on one hand."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(10, 20, bias=False)

    def loss(self, batch):
        return self.layer(batch).square().mean()


def test_memory_of_one_layer_is_what_pencil_and_paper_say():
    weights, batch, outputs = 10 * 20, 5 * 10, 5 * 20
    floats = weights + 3 * weights + batch + outputs  # gradient and two moments; what the backward pass needs
    assert training_memory(Square(), torch.rand(5, 10)) == pytest.approx(4 * floats / 1e6)


def test_memory_grows_with_the_batch_and_counts_a_frozen_copy_once():
    model = Square()
    small, large = (training_memory(model, torch.rand(n, 10)) for n in (5, 25))
    assert large - small == pytest.approx(4 * 20 * (10 + 20) / 1e6)
    model.copy = nn.Linear(10, 20, bias=False).requires_grad_(False)
    assert training_memory(model, torch.rand(5, 10)) - small == pytest.approx(4 * 200 / 1e6)


def test_memory_of_a_queue_is_that_of_its_keys():
    images = torch.rand(8, 1, 28, 28)
    queues = [MoCo(queue_size=size, groups=1, seed=0) for size in (64, 4096)]
    short, long = (training_memory(model, images) for model in queues)
    assert long - short >= 4 * 64 * (4096 - 64) / 1e6


def small(frames: int) -> Task:
    g = torch.Generator().manual_seed(0)
    pictures = torch.rand(128, frames, 1, 28, 28, generator=g)
    labels = torch.arange(128) % 10
    return Task(pictures, labels, pictures[:20, 0], labels[:20])


@pytest.mark.parametrize("frames", [1, 4])
@pytest.mark.parametrize("name", CONTENDERS)
def test_every_contender_trains_on_images_and_on_clips(name, frames):
    on = "clips" if frames > 1 else "clothes"
    model, training = pretraining_of(name, on, 0, small(frames), passes=1)
    before = [p.clone() for p in model.encoder.parameters()]
    finish(training)
    moved = [not torch.equal(p, old) for p, old in zip(model.encoder.parameters(), before, strict=True)]
    assert sum(moved) > len(moved) / 2
    assert model.encoder(small(frames).images).shape == (20, 64 if CONTENDERS[name].encoder == "ViT" else 128)


def test_two_frames_of_a_clip_are_a_pair_and_single_frames_come_from_all_of_it():
    frames = torch.arange(128.0).reshape(128, 1, 1, 1, 1) + torch.arange(4).reshape(1, 4, 1, 1, 1) / 4
    data = Task(frames, torch.arange(128) % 10, frames[:, 0], torch.arange(128))
    pairs = next(iter(batches_for("pair", data, 0))).flatten(1)
    assert (pairs.floor()[:, 0] == pairs.floor()[:, 1]).all()
    assert (pairs[:, 0] != pairs[:, 1]).all()
    single = torch.cat(list(batches_for("image", data, 0))).flatten()
    assert set((single % 1).tolist()) == {0, 0.25, 0.5, 0.75}
    shown, labels = next(iter(batches_for("labels", data, 0)))
    assert (labels == shown.flatten().floor() % 10).all()


def test_every_frame_of_a_labelled_clip_has_its_label():
    frames = torch.arange(40.0).reshape(40, 1, 1, 1, 1).expand(40, 3, 1, 1, 1)
    pictures, labels = labelled_frames(Task(frames, torch.arange(40) % 10, frames, frames), 2, 0)
    assert len(pictures) == 2 * 10 * 3
    assert (labels == pictures.flatten() % 10).all()


def test_no_validation_image_is_among_those_to_learn_from():
    data, everything = task("clothes", "validation"), task("clothes")
    assert torch.equal(data.frames, everything.frames[:10_000])
    assert torch.equal(data.images, everything.frames[10_000:, 0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: task("cloths"), "unknown data 'cloths'; choose one of clothes, clips"),
        (lambda: task("clothes", "valid"), "unknown judges 'valid'; choose one of test, validation"),
        (lambda: transfer_task("clips", 32), "unknown data 'clips'; choose one of clothes, shapes"),
        (lambda: pretraining_of("Simclr", "clips", 0), "unknown method 'Simclr'; choose one of .*SimCLR"),
        (lambda: pretraining_of("SimCLR", "cloths", 0, small(1)), "unknown data 'cloths'"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_a_change_that_a_pretraining_does_not_know_is_refused():
    with pytest.raises(TypeError, match="epochs"):
        pretraining_of("SimCLR", "clothes", 0, small(1), epochs=1)


def test_clothes_get_a_frame_of_black_and_shapes_five_classes():
    assert transfer_task("clothes", 32).images[:, :, :2].sum() == 0
    assert transfer_task("shapes", 32).labels.unique().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("on", ["clothes", "clips"])
@pytest.mark.parametrize("name", [*CONTROLS, *CONTENDERS])
def test_every_row_of_the_table_is_there_and_makes_sense(name, on):
    points = sweep("comparison")[f"{name}, {on}"]
    assert [p["seed"] for p in points] == ([0] if name == "pixels" else [0, 1, 2])
    for p in points:
        assert all(0.05 < p[m] < 1 for m in ("knn", "probe_1", "probe_10", "probe_100", "shapes"))
        assert 0 <= p["std"] <= 1.01
        assert p["rank"] >= 1
        if name in CONTENDERS:
            assert p["steps"] == CONTENDERS[name].passes * (12_000 // BATCH_SIZE)
            assert p["lr"] == CONTENDERS[name].lr


def test_rates_and_crops_are_the_best_of_those_tried():
    points = sweep("comparison")
    for name, rates in compare_methods.TRIED.items():
        means = {}
        for rate in rates:
            found = [
                p["probe_10"]
                for on in ("clothes", "clips")
                for p in points[f"{name}, {on}, validation"]
                if p.get("lr") == rate
            ]
            means[rate] = fmean(found)
        assert means[CONTENDERS[name].lr] == max(means.values()), (name, means)


@pytest.mark.usefixtures("one_thread")
def test_a_row_can_be_made_again():
    again = compare_methods.row("random conv", "clothes", 0)
    known = sweep("comparison")["random conv, clothes"][0]
    for measure in ("knn", "probe_1", "probe_10", "probe_100", "shapes", "tuned"):
        assert again[measure] == pytest.approx(known[measure], abs=0.02)


@pytest.mark.usefixtures("one_thread")
def test_a_checkpoint_of_a_trained_row_can_be_made_again():
    model, training = pretraining_of("MoCo", "clothes", 0)
    steps = round(compare_methods.CHECKPOINTS[1] * CONTENDERS["MoCo"].passes * (12_000 // BATCH_SIZE))
    assert any(progress.step == steps for progress in training)  # stops there
    again = fmean(probe_accuracies(model.encoder, task("clothes"), 10))
    assert again == pytest.approx(sweep("comparison")["MoCo, clothes"][0]["at_0.125"], abs=0.02)


@pytest.mark.parametrize("name", curation.SWEEPS)
def test_every_sweep_on_curation_has_its_seeds(name):
    for points in sweep(name).values():
        assert [p["seed"] for p in points] == ([0] if name == "turned" else list(curation.SEEDS))


@pytest.mark.usefixtures("one_thread")
def test_the_errors_of_an_untrained_encoder_in_both_groups_can_be_measured_again():
    torch.manual_seed(0)
    again = curation.group_errors(curation.conv_encoder())
    known = sweep("rare_group")["random encoder"][0]
    for measure in ("error_a", "error_b", "knn_a", "knn_b"):
        assert again[measure] == pytest.approx(known[measure], abs=0.02)

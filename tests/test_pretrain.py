"""python -m sslcourse.pretrain on one device: every method, checkpoints, going on, errors, what it leaves."""

import errno
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from test_data import cifar_files, expect_cifar, idx_files, write
from test_devices import DEVICES
from torch import nn
from torch.nn import functional as F

from sslcourse import weights
from sslcourse.augment import Augmentation, ColourChange
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.methods import DiscreteVAE, SimCLR, VICReg
from sslcourse.networks import ENCODERS, build_network
from sslcourse.pretrain import RECIPES, Run, Settings, checkpoint, evaluate, journal
from sslcourse.pretrain.__main__ import main
from sslcourse.pretrain.arguments import make_parser, settings_of
from sslcourse.pretrain.learner import Learner
from sslcourse.pretrain.run import VIEWS
from sslcourse.pretrain.sources import load_pictures
from sslcourse.pretrain.stream import Stream, made_ahead

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
SMALL = ["--images", "48", "--epochs", "2", "--batch-size", "16", "--log-every", "1", "--device", "cpu"]
ENCODER = {"mae": "vit", "beit": "vit"}  # where it is not conv


@pytest.fixture(scope="module")
def data():
    return load_pictures("fashion", n=48)._replace(test=None, test_labels=None)


def new_run(method, data, device=CPU, **settings):
    chosen = {"encoder": ENCODER.get(method, "conv"), "epochs": 2, "batch_size": 16, "n": 48} | settings
    return Run(Settings(method, **chosen), data, device)


def steps(run, n):
    for progress in run.train():
        if progress.step == n:
            return


def is_equal(run, other):
    states = [r.model.state_dict() for r in (run, other)]
    return all(torch.equal(tensor, states[1][name]) for name, tensor in states[0].items())


# Every method


@pytest.mark.parametrize("method", RECIPES)
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(method, data, tmp_path):
    whole = new_run(method, data)
    losses = [progress.loss for progress in whole.train()]
    assert len(losses) == whole.step == 6
    first = new_run(method, data)
    steps(first, 4)  # in the second epoch
    first.save(tmp_path)
    torch.rand(7)  # what happens meanwhile is of no account
    second = new_run(method, data)
    second.restore(tmp_path)
    progress = list(second.train())
    assert [p.loss for p in progress] == losses[4:]
    assert [(p.step, p.steps) for p in progress] == [(5, 6), (6, 6)]
    assert is_equal(whole, second)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", RECIPES)
def test_a_method_trains_its_encoder(method, data, device, tmp_path):
    run = new_run(method, data, torch.device(device))
    before = [parameter.clone() for parameter in run.encoder.parameters()]
    steps(run, 1)
    moved = [not torch.equal(a, b) for a, b in zip(before, run.encoder.parameters(), strict=True)]
    assert sum(moved) > len(moved) / 2
    run.save(tmp_path)
    other = new_run(method, data, torch.device(device))
    other.restore(tmp_path)
    assert is_equal(run, other)


def test_it_runs_the_code_of_the_lessons(data):
    """The first loss of the command is that of the method's own class on the same images and views."""
    run = new_run("simclr", data)
    torch.manual_seed(0)
    encoder = conv_encoder()
    model = SimCLR(encoder, projection_head(128, 128, 128), Augmentation())
    batch = next(iter(run._stream()))
    assert model.loss(batch).item() == next(run.train()).loss


def test_beit_trains_its_tokeniser_first_and_then_leaves_it_alone(data):
    run = new_run("beit", data, options={"codes": 16, "tokenizer_epochs": 30})
    tokenizer = run.model.tokenizer
    torch.manual_seed(0)
    new = DiscreteVAE(16)
    images = data.frames().train.float() / 255
    assert F.mse_loss(tokenizer(images), images) < F.mse_loss(new(images), images) / 2
    before = {name: tensor.clone() for name, tensor in tokenizer.state_dict().items()}
    steps(run, 2)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tokenizer.state_dict().items())


def test_clips_give_pairs_of_different_frames_to_methods_with_views_and_frames_to_others():
    data = load_pictures("clips", n=20)
    pair = next(iter(new_run("simclr", data, n=20)._stream()))
    assert pair.shape == (16, 2, 1, 32, 32)
    assert not (pair[:, 0] == pair[:, 1]).flatten(1).all(1).any()
    assert len(new_run("rotation", data, n=20).pixels) == 80


def test_an_epoch_shows_every_image_once_and_each_epoch_in_its_own_order(data):
    run = new_run("autoencoder", data)
    shown = torch.cat(list(run._stream())).flatten(1)  # two epochs
    assert len(shown) == 96
    first, second = shown.split(48)
    assert not torch.equal(first, second)
    kept = run.pixels.float().flatten(1) / 255
    for epoch in (first, second):
        assert torch.equal(epoch.sum(1).sort()[0], kept.sum(1).sort()[0])


def test_whole_data_sets_are_read_as_bytes_from_files_in_their_formats(tmp_path, monkeypatch):
    files = cifar_files()
    expect_cifar(monkeypatch, files)
    write(tmp_path / "cifar-10-batches-py", files)
    write(tmp_path / "MNIST/raw", idx_files())
    colour = load_pictures("cifar10", datasets=tmp_path)
    assert colour.train.shape == (20, 3, 32, 32) and colour.test.shape == (4, 3, 32, 32)
    assert colour.train[0, :2, 0, 0].tolist() == [255, 51] and colour.n_classes == 4
    digits = load_pictures("mnist", n=12, datasets=tmp_path)
    assert digits.train.flatten(1).unique(dim=1).flatten().tolist() == list(range(12))


def test_batches_that_are_made_ahead_are_the_same_and_their_errors_reach_the_training():
    assert list(made_ahead(iter(range(5)))) == [0, 1, 2, 3, 4]

    def broken():
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(made_ahead(broken()))


def test_data_that_lie_elsewhere_are_brought_to_the_device():
    pixels = torch.zeros(6, 1, 8, 8, dtype=torch.uint8)
    stream = Stream(pixels, torch.zeros(6), 3, epochs=2, device=torch.device("meta"))
    with torch.device("meta"):  # a tensor that names no device would be made there
        batches = list(stream)
    assert len(batches) == 4
    assert {part.device.type for batch in batches for part in batch} == {"meta"}


# Checkpoints


def until(done, child, said=None):
    """Wait while a process works, until what it does is done; said: a file with what it says."""
    end = time.monotonic() + 120
    while not done():
        words = said.read_text() if said else "see above"
        assert child.poll() is None, f"ended too early: {words}"
        assert time.monotonic() < end, f"not done in two minutes: {words}"
        time.sleep(0.001)


SAVE_FOR_EVER = """
import sys, torch
from pathlib import Path
from sslcourse.pretrain import checkpoint
for step in range(int(sys.argv[2]) + 1, 10**6):
    checkpoint.save(Path(sys.argv[1]), {"values": torch.full((100_000,), step)}, {"step": step})
"""


def test_ten_kills_at_random_moments_leave_a_whole_checkpoint(tmp_path):
    """A child writes one checkpoint after the other, each filled with its step, until it is killed."""
    checkpoint.save(tmp_path, {"values": torch.zeros(1)}, {"step": 0})
    wait = torch.rand(10, generator=torch.Generator().manual_seed(0))
    reached = 0
    for seconds in wait.tolist():
        child = subprocess.Popen(
            [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path), str(reached)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        until(lambda before=reached: checkpoint.step_in(tmp_path) != before, child)
        time.sleep(0.05 * seconds)
        child.kill()
        child.wait()
        tensors, card = checkpoint.load(tmp_path)
        assert set(tensors["values"].tolist()) == {card["step"]}
        assert card["step"] > reached
        reached = card["step"]


def test_a_command_that_was_killed_goes_on_to_the_same_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = ["moco", *SMALL, "--save-every", "1", "--set", "queue_size=64"]
    child = subprocess.Popen(
        [sys.executable, "-m", "sslcourse.pretrain", *command, "--epochs", "100", "--into", "killed"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
    )
    until(lambda: (checkpoint.step_in(Path("killed")) or 0) >= 3, child)
    child.kill()
    child.wait()
    last = checkpoint.load(Path("killed"))[1]["step"]
    assert 3 <= last < 300
    again = [*command, "--epochs", "100", "--into", "killed", "--resume"]
    limited = torch.optim.AdamW.step  # two steps are enough to compare

    def step(optimizer, *arguments):
        if taken["steps"] == last + 2:
            raise KeyboardInterrupt
        taken["steps"] += 1
        return limited(optimizer, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    taken = {"steps": last}
    assert main(again) == 1
    taken = {"steps": 0}
    assert main([*command, "--epochs", "100", "--into", "whole"]) == 1
    (killed, _), (whole, card) = (checkpoint.load(Path(name)) for name in ("killed", "whole"))
    assert card["step"] == last + 2
    assert all(torch.equal(tensor, killed[name]) for name, tensor in whole.items())
    assert told("killed") == told("whole")


def told(folder):
    """The lines of a log, without what depends on the clock."""
    return [line | {"images_per_second": None} for line in journal.log_lines(Path(folder))]


def test_a_full_disk_leaves_the_older_checkpoint_and_says_so(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, {"values": torch.ones(3)}, {"step": 7})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"step 8 could not be written.*No space left.*that of step 7 stands"):
        checkpoint.save(tmp_path, {"values": torch.ones(3)}, {"step": 8})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_only_the_last_checkpoint_is_kept(tmp_path):
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, {"values": torch.ones(3)}, {"step": step})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint.json",
        "step-000000003.safetensors",
    ]


def test_nothing_is_pickled(data, tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("pickled")

    for name in ("Pickler", "Unpickler", "dumps", "loads"):
        monkeypatch.setattr(pickle, name, refuse)
    for name in ("save", "load"):
        monkeypatch.setattr(torch, name, refuse)
    run = new_run("byol", data)
    steps(run, 1)
    run.save(tmp_path)
    new_run("byol", data).restore(tmp_path)


# Errors


@pytest.fixture
def begun(data, tmp_path):
    """The folder of a run at step 1, and its files."""
    run = new_run("simclr", data)
    steps(run, 1)
    run.save(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "has another SHA-256"),
        (lambda path: path.unlink(), "FileNotFoundError"),
        (lambda path: (path.parent / "checkpoint.json").write_text('{"step": 1'), "JSONDecodeError"),
        (lambda path: (path.parent / "checkpoint.json").write_text('{"step": 1}'), "KeyError: 'tensors'"),
    ],
)
def test_a_damaged_checkpoint_is_refused_and_left_as_it_is(begun, data, damage, says):
    damage(begun / "step-000000001.safetensors")
    left = {path.name: path.read_bytes() for path in begun.iterdir()}
    with pytest.raises(ValueError, match=rf"is damaged \(.*{says}.*Nothing was changed"):
        new_run("simclr", data).restore(begun)
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == left


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoder": "resnet18"}, r"has encoder 'conv', and 'resnet18' is asked for: go on with 'conv'"),
        ({"epochs": 3}, "has epochs 2, and 3 is asked for"),
        ({"options": {"temperature": 0.5}}, r"has options \{\}, and \{'temperature': 0.5\} is asked for"),
    ],
)
def test_a_run_with_other_settings_is_refused(begun, data, change, says):
    with pytest.raises(ValueError, match=says):
        new_run("simclr", data, **change).restore(begun)


NO_GPU = [] if torch.cuda.is_available() else [(["moco", "--device", "cuda:7"], "torch finds no GPU here")]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["simclr", "--resume"],
            "there is no checkpoint in runs/simclr-fashion-conv: leave out",
        ),
        (["simclr", "--data", "nowhere"], "a folder of images, and 'nowhere' is neither"),
        (["simclr", "--batch-size", "49"], "must lie between 1 and the 48 rows of the data"),
        (["simclr", "--set", "temprature=1"], "does not take these options by --set: {'temprature': 1}"),
        (["simclr", "--set", "temperature"], "--set takes NAME=VALUE"),
        (["mae"], "choose --encoder vit, vit_tiny"),
        (["dino", "--encoder", "vit"], "choose --encoder class_token"),
        *NO_GPU,
        (["simclr", "--lr", "1e30", "--epochs", "9"], "not finite"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(arguments, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    method, *others = arguments
    assert main([method, *SMALL, *others]) == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("error: ") and says in line


def test_a_folder_that_holds_a_run_is_not_overwritten(begun, capsys):
    left = {path.name: path.read_bytes() for path in begun.iterdir()}
    assert main(["simclr", *SMALL, "--into", str(begun)]) == 1
    assert "holds a run already, at step 1: go on with --resume" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in begun.iterdir()} == left


# What it leaves


def test_a_run_leaves_a_log_figures_beside_controls_and_an_encoder_that_loads(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["rotation", *SMALL, "--into", str(folder)]) == 0
    lines = journal.log_lines(folder)
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert set(lines[0]) == {"step", "loss", "lr", "std", "effective_rank", "images_per_second"}
    printed = capsys.readouterr()
    assert "step 6 of 6" in printed.err and "left" in printed.err
    assert f'weights.load("{folder}")' in printed.out
    card = weights.card(folder)
    assert set(card["figures"]) == {"pretrained", "untrained", "pixels"}
    encoder = weights.load(folder)
    saved, _ = checkpoint.load(folder)
    for known in (encoder, weights.load(folder / "encoder.safetensors")):
        assert torch.equal(known[0].weight, saved["model.encoder.0.weight"])
    assert not encoder.training
    content = (folder / "encoder.safetensors").read_bytes()
    (folder / "encoder.safetensors").write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"encoder.safetensors is damaged.*--resume"):
        weights.load(folder)
    assert main(["rotation", *SMALL, "--into", str(folder), "--resume"]) == 0  # nothing to do but that
    assert weights.load(folder)


def test_colour_images_get_changes_of_colour_and_gray_ones_those_of_the_lessons(data):
    assert new_run("simclr", data).model.augment.colour is None
    blurred = VIEWS | {"blur": 0.5}
    assert new_run("simclr", data, views=blurred).model.augment.colour == ColourChange(
        0.5, gray=0.2, blur=0.5
    )
    colours = data._replace(train=data.train.expand(-1, 3, -1, -1))
    for method in ("simclr", "dino"):
        assert new_run(method, colours).model.augment.colour == ColourChange(0.5, gray=0.2)


def test_collapse_is_measured(data):
    run = new_run("simclr", data)
    spread = run.measures()
    last = run.encoder[-4]  # batch normalisation
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.ones_(last.bias)
    collapsed = run.measures()
    assert spread["std"] > 0.01 and spread["effective_rank"] > 2
    assert collapsed["std"] < 1e-3 and collapsed["effective_rank"] == pytest.approx(1, abs=1e-2)


def test_tensorboard_is_told_where_it_is_installed(tmp_path, monkeypatch):
    told = []

    class SummaryWriter:
        def __init__(self, folder):
            told.append(folder)

        def add_scalar(self, *scalar):
            told.append(scalar)

        def close(self):
            told.append("closed")

    module = type(sys)("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    log = journal.Journal(tmp_path, steps=2, done=0, batch_size=4)
    log.tell(1, {"loss": 0.5})
    log.close()
    assert told == [str(tmp_path / "tensorboard"), ("loss", 0.5, 1), "closed"]


def test_an_encoder_is_evaluated_again_beside_its_controls(tmp_path, capsys, data):
    run = new_run("supervised", data)
    made = {"name": "conv", "channels": 1, "image_size": 28}
    weights.write(tmp_path, run.encoder, {"network": made, "run": run.card()})
    assert evaluate.main([str(tmp_path), "--images", "60"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["pretrained", "untrained", "pixels"]
    assert lines[0].split()[1:] == lines[1].split()[1:]  # not trained, and of the same seed
    assert evaluate.main([str(tmp_path / "nowhere")]) == 1
    assert "no weights" in capsys.readouterr().err
    assert evaluate.main([str(tmp_path), "--data", "clips", "--images", "20"]) == 1
    assert "for images of 1 channel(s) and 28 pixels, and these have 1 and 32" in capsys.readouterr().err


GUIDES = "README.md", "docs/beyond_a_lesson.md"
COMMANDS = re.findall(
    r"-m sslcourse\.pretrain (?!--help)(\w.*)",
    "".join((ROOT / guide).read_text("utf-8") for guide in GUIDES).replace("\\\n", ""),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_guides_are_understood(command):
    assert settings_of(make_parser().parse_args(command.split())).method in RECIPES


def test_the_guides_have_examples_for_one_device_and_several():
    assert len(COMMANDS) == 8


# Devices


@pytest.mark.parametrize("method", RECIPES)
def test_half_precision_changes_little(method, data):
    full, half = (next(new_run(method, data, bfloat16=b).train()).loss for b in (False, True))
    assert half == pytest.approx(full, rel=0.02) and half != full


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", [SimCLR, VICReg])
def test_where_networks_do_nothing_half_precision_changes_nothing(kind, device):
    """What is left is the loss, which is in single precision."""
    model = kind(nn.Flatten(), nn.Identity(), augment=lambda images: images)
    pairs = torch.rand(16, 2, 1, 8, 8, generator=torch.Generator().manual_seed(0)).to(device)
    full, half = (Learner(model, torch.device(device), b).loss(pairs) for b in (False, True))
    assert half.dtype == torch.float32 and half == full


@pytest.mark.parametrize("method", RECIPES)
def test_losses_are_in_single_precision_where_networks_are_in_half(method, data):
    run, seen = new_run(method, data, bfloat16=True), []
    layers = [m for m in run.encoder.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
    layers[-1].register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    assert run.learner.loss(next(iter(run._stream()))).dtype == torch.float32
    assert torch.bfloat16 in seen
    seen.clear()
    run.measures()
    assert torch.bfloat16 not in seen  # judged in single precision


def test_a_full_memory_of_the_device_is_no_traceback(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Run, "train", full)
    assert main(["simclr", *SMALL, "--into", str(tmp_path)]) == 1
    assert "a smaller --batch-size, or --bfloat16, is needed: CUDA out" in capsys.readouterr().err


# Networks


@pytest.mark.parametrize(("name", "features"), [("resnet18", 512), ("resnet50", 2048), ("vit_tiny", 192)])
@pytest.mark.parametrize("size", [32, 96])
def test_a_network_has_the_features_of_its_paper(name, features, size):
    with torch.device("meta"):
        encoder = build_network(name, 3, size)
        assert encoder(torch.empty(2, 3, size, size)).shape == (2, features)


def test_a_residual_network_begins_with_full_resolution_on_small_images():
    with torch.device("meta"):
        small, large = (build_network("resnet18", 3, size) for size in (32, 224))
    assert small.conv1.kernel_size == (3, 3) and small.conv1.stride == (1, 1)
    assert isinstance(small.maxpool, torch.nn.Identity)
    assert large.conv1.kernel_size == (7, 7) and isinstance(large.maxpool, torch.nn.MaxPool2d)
    # those of torchvision, without its last layer, 512 x 1000 + 1000
    assert sum(p.numel() for p in large.parameters()) == 11_689_512 - 513_000


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no encoder 'vgg'; choose one of conv, class_token, resnet18"):
        build_network("vgg", 3, 32)
    assert "resnet50" in ENCODERS

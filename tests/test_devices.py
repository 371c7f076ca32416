"""Everything runs on the device of its inputs: on each that this machine has, and none is taken by default.

With torch.device("meta") as the default, a tensor that a function makes without saying where lies on no
device at all, and meeting the inputs it raises. So the CPU shows what a GPU would.
"""

import pytest
import torch
from torch import nn

from sslcourse import augment, evaluate, losses, masking, methods
from sslcourse.data import Batches, labelled_subset, log_mel, spliced
from sslcourse.encoders import VisionTransformer, conv_encoder
from sslcourse.methods.regression import gradient_descent
from sslcourse.training import finish, train, train_adamw


def has_mps():
    """Virtual Macs report MPS, and hold no tensor there."""
    try:
        return torch.backends.mps.is_available() and torch.ones(1, device="mps").item() == 1
    except RuntimeError:
        return False


DEVICES = ["cpu"] + ["cuda:0"] * torch.cuda.is_available() + ["mps"] * has_mps()


@pytest.fixture(params=DEVICES)
def device(request):
    """A device, while tensors that name none would be made on none."""
    with torch.device("meta"):
        yield request.param


@pytest.fixture
def images(device):
    return torch.linspace(0, 1, 16 * 28 * 28, device=device).reshape(16, 1, 28, 28)


@pytest.fixture
def labels(device):
    return torch.arange(16, device=device) % 2


def features_like(images):
    return images.flatten(1)[:, :5] + torch.arange(80.0, device=images.device).reshape(16, 5).sin()


CHANGES = {
    "noise": lambda x: augment.add_gaussian_noise(x, 0.1),
    "zeros": lambda x: augment.zero_pixels(x, 0.1),
    "square": lambda x: augment.hide_square(x, 9),
    "rotations": lambda x: augment.four_rotations(x)[0],
    "crop": lambda x: augment.random_resized_crop(x, 0.3, 0.5),
    "contrast": lambda x: augment.random_contrast(x, 0.5),
    "views": augment.Augmentation(),
    "colours": lambda x: augment.ColourChange(blur=1, solarise=1)(x.repeat(1, 3, 1, 1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_of_images_stay_on_their_device(images, change):
    assert change(images).device == images.device


def test_a_generator_of_the_cpu_serves_images_of_any_device(images):
    generator = torch.Generator("cpu").manual_seed(0)
    assert augment.random_resized_crop(images, 0.3, 0.5, generator).device == images.device


MEASURES = {
    "probe": lambda f, y: evaluate.linear_probe(f, y, f, y),
    "neighbours": lambda f, y: evaluate.knn_accuracy(f, y, f, y, neighbours=3),
    "neighbours of labels elsewhere": lambda f, y: evaluate.knn_accuracy(f, y.cpu(), f, y.cpu(), 3),
    "probe of labels elsewhere": lambda f, y: evaluate.linear_probe(f, y.cpu(), f, y.cpu()),
    "factors": lambda f, y: evaluate.factor_information(f, f, bins=3),
    "gap": lambda f, y: evaluate.mutual_information_gap(f, f, bins=3),
    "rand index": lambda f, y: evaluate.adjusted_rand_index(y, y),
    "precision": lambda f, y: evaluate.precision_and_recall(f, f),
    "auroc": lambda f, y: evaluate.auroc(f[:, 0], f[:, 1]),
    "alignment": lambda f, y: losses.alignment(f, f),
    "uniformity": lambda f, y: losses.uniformity(f),
    "nt-xent": lambda f, y: losses.nt_xent_loss(f, f, 0.2),
    "info-nce": lambda f, y: losses.info_nce_loss(f, f, f, 0.2),
    "energy": lambda f, y: losses.energy_distance(f, f + 1),
    "least squares": lambda f, y: gradient_descent(f[:, 0], f[:, 1], 0.1, 2),
    "k-means": lambda f, y: methods.KMeans(2, starts=2).fit(f)(f),
    "pca": lambda f, y: methods.PCA(2).fit(f)(f),
    "logistic": lambda f, y: made(lambda: methods.LogisticRegression(5), f.device).fit(f, y)(f),
    "ppca": lambda f, y: methods.ProbabilisticPCA(2).fit(f).log_likelihood(f),
    "gaussians": lambda f, y: methods.GaussianClassifier.fit(f[:, :2], y).sample_given(y),
    "subset": lambda f, y: labelled_subset(y, 2, seed=0),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_measures_and_losses_take_what_lies_on_a_device(images, labels, measure):
    result = measure(features_like(images), labels)
    assert not isinstance(result, torch.Tensor) or result.device == images.device


def made(model, device):
    """A model that was made as learners make it, then moved."""
    with torch.device("cpu"):
        torch.manual_seed(0)
        return model().to(device)


MODELS = {
    "SimCLR": methods.SimCLR,
    "MoCo": lambda: methods.MoCo(queue_size=8),
    "MAE": lambda: methods.MAE(VisionTransformer()),
    "discrete VAE": lambda: methods.DiscreteVAE(8),
    "VQ-VAE": lambda: methods.VQVAE(8),
    "BEiT": lambda: methods.BEiT(VisionTransformer(), methods.DiscreteVAE(8)),
    "VAE": lambda: methods.VAE(2),
    "linear VAE": lambda: methods.LinearVAE(2),
    "autoencoder": lambda: methods.Autoencoder(2),
    "rotation": lambda: methods.RotationPrediction(conv_encoder()),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_method_trains_on_a_device(images, model):
    model = made(model, images.device)
    history = finish(train_adamw(model.loss, model.parameters(), Batches(images, batch_size=8), epochs=1))
    assert len(history.loss) == 2


def test_codes_are_started_and_restarted_on_a_device(images):
    model = made(lambda: methods.VQVAE(8), images.device)
    model.start_codes(images)
    model.restart_dead_codes(images)
    assert model(images).device == images.device


def test_speech_is_heard_and_trained_with_on_a_device(device):
    waveforms = (0.1 * torch.arange(4 * 1600, device=device)).sin().reshape(4, 1600)
    assert spliced(log_mel(waveforms), 1).device == waveforms.device
    model = made(lambda: methods.Wav2Vec2(distractors=3, span_length=2), device)
    history = finish(train_adamw(model.loss, model.parameters(), Batches(waveforms, batch_size=2), epochs=1))
    assert len(history.loss) == 2


def test_masks_and_guesses_of_hidden_patches_are_made_on_a_device(images, device):
    mask = masking.random_mask(16, 16, 0.5, device=device)
    assert methods.interpolate_hidden(images, mask, 7).device == images.device
    assert methods.LinearInpainter().fit(images).fill(images, mask, 7).device == images.device


def test_classifiers_are_trained_and_fine_tuned_on_a_device(images, labels):
    encoder, views = made(conv_encoder, images.device), augment.Augmentation()
    trained = evaluate.train_classifier(encoder, images, labels, views, steps=2)
    tuned = evaluate.fine_tune(encoder, images, labels, views, steps=2)
    for classifier in (trained, tuned):
        assert 0 <= evaluate.classifier_accuracy(classifier, images, labels) <= 1


def test_a_tensor_made_without_a_device_would_be_found(images):
    with pytest.raises((RuntimeError, NotImplementedError)):
        _ = (images + torch.zeros(28)).sum().item()


def test_training_makes_nothing_of_its_own(device):
    weight = nn.Parameter(torch.ones(2, device=device))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    assert finish(train(lambda _: weight.square().sum(), [None] * 3, optimizer, epochs=1)).loss

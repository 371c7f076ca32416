"""The training loop, on two weights and a parabola."""

import pytest
import torch
from torch import nn

from sslcourse.data import Batches
from sslcourse.methods import MoCo
from sslcourse.training import History, Progress, finish, train, train_adamw

TARGET = torch.tensor([1.0, -2.0])


class CountedBatches(list):
    """A list of batches that counts how many were drawn."""

    drawn = 0

    def __iter__(self):
        for batch in super().__iter__():
            self.drawn += 1
            yield batch


@pytest.fixture
def weights():
    return nn.Parameter(torch.zeros(2))


@pytest.fixture
def training(weights):
    """training(batches, epochs, ...) of the weights towards TARGET; a batch is a factor of the loss."""

    def start(batches=(1.0, 1.0, 1.0), epochs=2, **options):
        def loss(batch):
            return batch * (weights - TARGET).square().mean()

        return train(loss, batches, torch.optim.SGD([weights], lr=0.1), epochs, **options)

    return start


def test_progress_counts_the_steps_of_all_epochs(training):
    progress = list(training())
    assert [p.step for p in progress] == [1, 2, 3, 4, 5, 6]
    assert {p.steps for p in progress} == {6}


def test_the_loss_of_a_step_is_that_before_the_step(training):
    # SGD with rate 0.1 on the mean of two squares takes 0.9 of the error along, so 0.81 of the loss
    losses = [p.loss for p in training()]
    assert losses == pytest.approx([2.5 * 0.81**step for step in range(6)])


def test_training_moves_the_weights_as_a_loop_written_out(training, weights):
    finish(training(batches=[1.0, 0.5], epochs=1))
    by_hand = torch.zeros(2)
    for batch in [1.0, 0.5]:
        by_hand -= 0.1 * batch * (by_hand - TARGET)
    assert torch.allclose(weights, by_hand)


def test_gradients_do_not_add_up_over_steps(training, weights):
    finish(training(epochs=1))
    assert torch.allclose(weights.grad, 0.9**2 * (0 - TARGET))


def test_nothing_happens_before_the_first_step_is_asked_for(training, weights):
    batches = CountedBatches([1.0, 1.0])
    training(batches)
    assert batches.drawn == 0
    assert weights.tolist() == [0, 0]


def test_who_stops_iterating_keeps_the_weights_and_draws_no_further_batch(training, weights):
    batches = CountedBatches([1.0] * 10)
    for progress in training(batches):
        if progress.step == 3:
            break
    assert batches.drawn == 3
    assert torch.allclose(weights, (1 - 0.9**3) * TARGET)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_raises_before_the_step(training, weights, bad):
    steps = training(batches=[1.0, bad])
    next(steps)
    before = weights.clone()
    with pytest.raises(FloatingPointError, match=r"loss of step 2 is not .*smaller learning rate"):
        next(steps)
    assert torch.equal(weights, before)


def test_after_step_is_called_once_a_step_with_the_new_weights(training, weights):
    seen = []
    finish(training(after_step=lambda: seen.append(weights[0].item())))
    assert seen == pytest.approx([1 - 0.9**step for step in range(1, 7)])


def test_validation_comes_with_the_last_step_of_each_epoch_only(training):
    validations = [p.validation for p in training(validate=lambda: torch.tensor(7.0))]
    assert validations == [None, None, 7.0, None, None, 7.0]


def test_validation_runs_without_gradients_and_the_training_with(training):
    enabled = []
    finish(
        training(
            validate=lambda: enabled.append(torch.is_grad_enabled()) or 0.0,
            after_step=lambda: enabled.append(torch.is_grad_enabled()),
            epochs=1,
        )
    )
    assert enabled == [True, True, True, False]


def test_history_keeps_every_loss_and_the_step_of_each_validation():
    history = History()
    for progress in [Progress(1, 2, 0.5, None), Progress(2, 2, 0.25, 0.75)]:
        history.record(progress)
    assert history == History(loss=[0.5, 0.25], validation={2: 0.75})


def test_a_history_is_shown_in_one_line():
    assert repr(History()) == "<History of 0 steps>"
    assert repr(History(loss=[0.5] * 400)) == "<History of 400 steps, the last loss 0.5000>"


def test_finish_returns_the_history_of_the_whole_training(training):
    history = finish(training(validate=lambda: 1.0))
    assert len(history.loss) == 6
    assert history.validation == {3: 1.0, 6: 1.0}


def test_the_same_seeds_give_the_same_history():
    def history(seed):
        torch.manual_seed(seed)
        model, data = nn.Linear(3, 1), torch.arange(36.0).reshape(12, 3) / 36
        batches = Batches(data, batch_size=4, seed=seed)
        optimizer = torch.optim.Adam(model.parameters())
        return finish(train(lambda rows: model(rows).square().mean(), batches, optimizer, epochs=3))

    assert history(0) == history(0)
    assert history(0) != history(1)


# What is left after a step that failed


class Normalised(nn.Module):
    """Batch normalisation and one weight; its loss is finite for any batch whose gradient is not."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.weight = nn.Parameter(torch.ones(3))

    def loss(self, rows):
        return (self.norm(rows) * self.weight).square().mean()

    def loss_with_a_bad_gradient(self, rows):
        bad = (self.weight - 1).square().sum().sqrt()  # its slope at 0 is 0 / 0
        return self.loss(rows) + bad


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def is_as_before(model, before):
    return all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def fail(loss, parameters, batches):
    optimizer = torch.optim.Adam(parameters)
    with pytest.raises(FloatingPointError) as error:
        finish(train(loss, batches, optimizer, epochs=1))
    return str(error.value), optimizer


ROWS = torch.arange(12.0).reshape(4, 3)


def test_a_batch_with_nan_leaves_batch_statistics_and_optimizer_as_they_were():
    model = Normalised()
    finish(train(model.loss, [ROWS], torch.optim.Adam(model.parameters()), epochs=1))
    before = state(model)
    message, optimizer = fail(model.loss, model.parameters(), [ROWS * torch.nan])
    assert "the model is as it was before this step, in weights and buffers" in message
    assert "the batch itself holds nan or inf" in message
    assert is_as_before(model, before) and not optimizer.state
    assert finish(train(model.loss, [ROWS], torch.optim.Adam(model.parameters()), epochs=1)).loss


def test_a_gradient_that_is_not_finite_stops_the_training_though_the_loss_is():
    model = Normalised()
    before = state(model)
    message, optimizer = fail(model.loss_with_a_bad_gradient, model.parameters(), [ROWS])
    assert "the gradient of step 1 is not finite" in message
    assert is_as_before(model, before) and not optimizer.state
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_loss_whose_model_cannot_be_found_says_what_may_be_spoilt():
    model = Normalised()
    message, _ = fail(lambda rows: model.loss(rows), model.parameters(), [ROWS * torch.nan])
    assert "batch statistics may be spoilt: make the model anew" in message


def test_the_queue_and_the_key_encoder_of_moco_survive_a_batch_with_nan():
    torch.manual_seed(0)
    model = MoCo(queue_size=8)
    images = torch.rand(8, 1, 28, 28)
    trained = [p for p in model.parameters() if p.requires_grad]
    finish(train(model.loss, [images], torch.optim.SGD(trained, lr=0.1), epochs=1))
    before = state(model)
    fail(model.loss, trained, [images * torch.nan])
    assert is_as_before(model, before)
    assert model.loss(images).isfinite()


# train_adamw


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 9, 10, 11, 19, 20, 40])
def test_a_training_may_have_any_length_and_reaches_the_highest_rate(steps):
    weight, rates = nn.Parameter(torch.ones(1)), []
    training = train_adamw(lambda _: weight.square().sum(), [weight], [None] * steps, epochs=1, lr=0.5)
    optimizer = training.gi_frame.f_locals["optimizer"]
    for _ in training:
        rates.append(optimizer.param_groups[0]["lr"])
    assert len(rates) == steps
    assert steps < 2 or max(rates) == pytest.approx(0.5, rel=0.1)


def test_a_long_training_follows_the_one_cycle_of_torch():
    weight, other = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
    training = train_adamw(lambda _: weight.square().sum(), [weight], [None] * 50, epochs=1, lr=0.5)
    optimizer = torch.optim.AdamW([other], lr=0.5)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=50, pct_start=0.1)
    for _ in training:
        optimizer.zero_grad()
        other.square().sum().backward()
        optimizer.step()
        cycle.step()
    assert torch.equal(weight, other)

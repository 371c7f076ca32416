"""Answers to the exercises of lesson 07: right ones in many styles, and wrong ones."""

import math

import numpy as np
import torch
from torch.nn import functional as F

# ---- 07.rnn


def rnn_into_an_empty_tensor(inputs, state, w_x, w_h, bias):
    n, steps, _ = inputs.shape
    states = torch.zeros(n, steps + 1, len(bias))
    states[:, 0] = state
    for t in range(steps):
        states[:, t + 1] = torch.tanh(inputs[:, t] @ w_x + states[:, t] @ w_h + bias)
    return states[:, 1:]


def rnn_with_all_inputs_first(inputs, state, w_x, w_h, bias):
    driven, states = inputs @ w_x + bias, []
    for t in range(inputs.shape[1]):
        state = (driven[:, t] + state @ w_h).tanh()
        states.append(state.unsqueeze(1))
    return torch.cat(states, dim=1)


def rnn_of_one_matrix(inputs, state, w_x, w_h, bias):
    both, states = torch.cat([w_x, w_h]), []
    for x in inputs.transpose(0, 1):
        state = torch.tanh(torch.addmm(bias, torch.cat([x, state], dim=1), both))
        states.append(state)
    return torch.stack(states).transpose(0, 1)


def rnn_of_pytorch(inputs, state, w_x, w_h, bias):
    weights = [w_x.T.contiguous(), w_h.T.contiguous(), bias, torch.zeros_like(bias)]
    result, _ = torch.rnn_tanh(inputs, state[None], weights, True, 1, 0.0, False, False, True)
    return result


def rnn_with_einsum(inputs, state, w_x, w_h, bias):
    states = [state]
    for t in range(inputs.size(1)):
        new = torch.einsum("nd,dh->nh", inputs[:, t, :], w_x) + torch.einsum("ng,gh->nh", states[-1], w_h)
        states.append(torch.tanh(new + bias))
    return torch.stack(states[1:], 1)


def rnn_by_linear_layers(inputs, state, w_x, w_h, bias):
    states = []
    for x in torch.unbind(inputs, dim=1):
        state = torch.tanh(F.linear(x, w_x.T, bias) + F.linear(state, w_h.T))
        states += [state]
    return torch.stack(states, dim=-2)


def rnn_text_by_text(inputs, state, w_x, w_h, bias):
    texts = []
    for text, before in zip(inputs, state, strict=True):
        states = []
        for x in text:
            before = torch.tanh(x @ w_x + before @ w_h + bias)
            states.append(before)
        texts.append(torch.stack(states))
    return torch.stack(texts)


def rnn_by_recursion(inputs, state, w_x, w_h, bias):
    if inputs.shape[1] == 0:
        return inputs.new_zeros(len(inputs), 0, len(bias))
    state = torch.tanh(inputs[:, 0] @ w_x + state @ w_h + bias)
    return torch.cat([state[:, None], rnn_by_recursion(inputs[:, 1:], state, w_x, w_h, bias)], dim=1)


def rnn_in_double(inputs, state, w_x, w_h, bias):
    inputs, state, w_x, w_h, bias = (v.double() for v in (inputs, state, w_x, w_h, bias))
    return rnn_with_all_inputs_first(inputs, state, w_x, w_h, bias)


def rnn_detached_at_every_step(inputs, state, w_x, w_h, bias):
    states = []
    for x in inputs.unbind(1):
        state = torch.tanh(x @ w_x + state.detach() @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


@torch.no_grad()
def rnn_without_gradients(inputs, state, w_x, w_h, bias):
    return rnn_with_all_inputs_first(inputs, state, w_x, w_h, bias)


def rnn_detached_now_and_then(inputs, state, w_x, w_h, bias):
    states = []
    for t, x in enumerate(inputs.unbind(1)):
        state = torch.tanh(x @ w_x + (state.detach() if t % 3 == 2 else state) @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


def rnn_with_a_detached_matrix(inputs, state, w_x, w_h, bias):
    return rnn_with_all_inputs_first(inputs, state, w_x, w_h.detach(), bias)


def rnn_of_new_tensors(inputs, state, w_x, w_h, bias):
    return torch.tensor(rnn_with_all_inputs_first(inputs, state, w_x, w_h, bias).tolist())


def rnn_that_keeps_the_input_only(inputs, state, w_x, w_h, bias):
    return torch.tanh(inputs @ w_x + bias)


def rnn_with_the_bias_twice(inputs, state, w_x, w_h, bias):
    return rnn_with_all_inputs_first(inputs, state, w_x, w_h, 2 * bias)


def rnn_that_forgets_after_two_steps(inputs, state, w_x, w_h, bias):
    states = []
    for t, x in enumerate(inputs.unbind(1)):
        state = torch.tanh(x @ w_x + (state if t < 2 else states[0]) @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


def rnn_with_a_relu(inputs, state, w_x, w_h, bias):
    states = []
    for x in inputs.unbind(1):
        state = torch.relu(x @ w_x + state @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


def rnn_that_adds_to_the_state(inputs, state, w_x, w_h, bias):
    states = []
    for x in inputs.unbind(1):
        state = state + torch.tanh(x @ w_x + state @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


def rnn_along_the_texts(inputs, state, w_x, w_h, bias):
    states, before = [], state[:1]
    for x in inputs:
        before = torch.tanh(x @ w_x + before @ w_h + bias)
        states.append(before)
    return torch.stack(states)


def rnn_with_the_state_of_the_first_text(inputs, state, w_x, w_h, bias):
    return rnn_with_all_inputs_first(inputs, state[:1].expand_as(state), w_x, w_h, bias)


def rnn_with_exchanged_matrices(inputs, state, w_x, w_h, bias):
    return rnn_with_all_inputs_first(inputs, state, w_h, w_x, bias)


# ---- 07.shift


def shift_the_logits(model, tokens):
    logits = model(tokens)[0][:, :-1]
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))


def shift_with_classes_second(model, tokens):
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    return F.cross_entropy(model(inputs)[0].transpose(1, 2), targets)


def shift_by_gather(model, tokens):
    logits, _ = model(tokens[:, :-1])
    return -logits.log_softmax(-1).gather(2, tokens[:, 1:].unsqueeze(-1)).mean()


def shift_by_ignoring(model, tokens):
    targets = tokens.roll(-1, dims=1)
    targets[:, -1] = -100
    return F.cross_entropy(model(tokens)[0].flatten(0, 1), targets.flatten(), ignore_index=-100)


def shift_place_by_place(model, tokens):
    losses, state = [], None
    for t in range(tokens.shape[1] - 1):
        logits, state = model(tokens[:, t : t + 1], state)
        losses.append(F.cross_entropy(logits[:, 0], tokens[:, t + 1]))
    return sum(losses) / len(losses)


def shift_text_by_text(model, tokens):
    losses = [F.cross_entropy(model(text[None, :-1])[0][0], text[1:]) for text in tokens]
    return torch.stack(losses).mean()


def shift_with_nll(model, tokens):
    log_probability = F.log_softmax(model(tokens[:, :-1])[0], dim=2)
    return F.nll_loss(log_probability.permute(0, 2, 1), tokens[:, 1:])


def shift_with_one_hot(model, tokens):
    logits, _ = model(tokens[:, :-1])
    hot = F.one_hot(tokens[:, 1:], logits.shape[2]).float()
    return -(hot * logits.log_softmax(2)).sum() / tokens[:, 1:].numel()


def shift_as_a_number(model, tokens):
    return shift_with_classes_second(model, tokens).item()


@torch.no_grad()
def shift_without_gradients(model, tokens):
    return shift_with_classes_second(model, tokens)


def shift_with_detached_logits(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1])[0].detach().transpose(1, 2), tokens[:, 1:])


def shift_without_the_first_target(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1])[0][:, 1:].transpose(1, 2), tokens[:, 2:])


def shift_that_ignores_token_zero(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1])[0].transpose(1, 2), tokens[:, 1:], ignore_index=0)


def shift_in_bits(model, tokens):
    return shift_with_classes_second(model, tokens) / math.log(2)


def shift_of_the_last_place(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1])[0][:, -1], tokens[:, -1])


def shift_of_the_first_text(model, tokens):
    return shift_with_classes_second(model, tokens[:1])


def shift_of_targets_only(model, tokens):
    targets = torch.cat([tokens[:, 1:], tokens[:, :1]], dim=1)
    return F.cross_entropy(model(tokens)[0].transpose(1, 2), targets)


def shift_summed_over_places(model, tokens):
    losses = F.cross_entropy(model(tokens[:, :-1])[0].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses.sum(1).mean()


def shift_of_probabilities(model, tokens):
    return F.nll_loss(model(tokens[:, :-1])[0].softmax(2).transpose(1, 2), tokens[:, 1:])


def shift_reversed(model, tokens):
    return shift_with_classes_second(model, tokens.flip(1))


def shift_with_smoothed_labels(model, tokens):
    return F.cross_entropy(model(tokens[:, :-1])[0].transpose(1, 2), tokens[:, 1:], label_smoothing=0.1)


def shift_as_perplexity(model, tokens):
    return shift_with_classes_second(model, tokens).exp()


# ---- 07.chunks


def chunks_by_view(tokens, rows, length):
    return tokens.view(rows, -1, length).transpose(0, 1)


def chunks_as_a_tuple(tokens, rows, length):
    return tokens.reshape(rows, -1).split(length, dim=1)


def chunks_in_loops(tokens, rows, length):
    count = len(tokens) // (rows * length)
    result = torch.zeros(count, rows, length, dtype=tokens.dtype)
    for c in range(count):
        for i in range(rows):
            start = i * count * length + c * length
            result[c, i] = tokens[start : start + length]
    return result


def chunks_in_numpy(tokens, rows, length):
    return tokens.numpy().reshape(rows, -1, length).swapaxes(0, 1)


def chunks_as_lists(tokens, rows, length):
    count = tokens.numel() // rows // length
    streams = [tokens[i * count * length : (i + 1) * count * length].tolist() for i in range(rows)]
    return [[stream[c * length : (c + 1) * length] for stream in streams] for c in range(count)]


def chunks_by_unfold(tokens, rows, length):
    return tokens.reshape(rows, -1).unfold(1, length, length).permute(1, 0, 2)


def chunks_by_index(tokens, rows, length):
    count = len(tokens) // (rows * length)
    c, i, j = torch.meshgrid(torch.arange(count), torch.arange(rows), torch.arange(length), indexing="ij")
    return tokens[(i * count + c) * length + j]


def chunks_of_streams(tokens, rows, length):
    streams = torch.stack(tokens.chunk(rows))
    return torch.stack([streams[:, a : a + length] for a in range(0, streams.shape[1], length)], dim=0)


def chunks_one_after_the_other(tokens, rows, length):
    return tokens.reshape(-1, rows, length)


def chunks_with_rows_first(tokens, rows, length):
    return tokens.reshape(rows, -1, length)


def chunks_side_by_side(tokens, rows, length):
    return tokens.reshape(-1, rows).T.reshape(rows, -1, length).transpose(0, 1)


def chunks_backwards(tokens, rows, length):
    return tokens.flip(0).reshape(rows, -1, length).transpose(0, 1)


def chunks_counted(tokens, rows, length):
    return torch.arange(len(tokens)).reshape(rows, -1, length).transpose(0, 1)


def chunks_sorted(tokens, rows, length):
    return tokens.sort().values.reshape(rows, -1, length).transpose(0, 1)


def chunks_with_the_rows_reversed(tokens, rows, length):
    return tokens.reshape(rows, -1, length).transpose(0, 1).flip(1)


def chunks_of_length_times_rows(tokens, rows, length):
    return tokens.reshape(rows, -1, length).permute(1, 2, 0)


def chunks_the_first_only(tokens, rows, length):
    return tokens.reshape(rows, -1, length)[:, 0]


def chunks_that_overlap(tokens, rows, length):
    streams = tokens.reshape(rows, -1)
    return torch.stack([streams[:, c : c + length] for c in range(streams.shape[1] // length)])


# ---- 07.derivative


def derivative_by_steps(states, w):
    product = 1.0
    for h in states.tolist():
        product *= w * (1 - h * h)
    return product


def derivative_by_autograd(states, w):
    h = torch.atanh(states[0]) / w
    h = first = h.detach().requires_grad_()
    for _ in range(len(states)):
        h = torch.tanh(w * h)
    return torch.autograd.grad(h, first)[0]


def derivative_with_powers(states, w):
    return w ** len(states) * (1 - states.square()).prod()


def derivative_in_numpy(states, w):
    return np.prod(w * (1 - states.numpy() ** 2))


def derivative_of_sech(states, w):
    return (w / torch.cosh(torch.atanh(states)) ** 2).prod()


def derivative_as_a_magnitude(states, w):
    return torch.prod(abs(w) * (1 - states**2))


def derivative_in_logarithms(states, w):
    return len(states) * math.log(abs(w)) + (1 - states**2).log().sum()


def derivative_of_a_linear_state(states, w):
    return w ** len(states)


def derivative_at_the_mean(states, w):
    return (w * (1 - states.mean() ** 2)) ** len(states)


# ---- 07.suspect


def suspect_as_a_list():
    return ["below", "no"]


def suspect_named():
    against_bigram = "below"
    knows_the_number = "no"
    return against_bigram, knows_the_number


def suspect_by_place():
    return ("above", "below")[1], ("yes", "no")[1]


def suspect_memory():
    return "above", "no"


def suspect_knowing():
    return "below", "yes"


def suspect_left_open():
    return ..., ...


def suspect_exchanged():
    return "no", "below"


# ---- 07.top_p


def nucleus_of_zeros(p, share):
    ordered, order = p.sort(descending=True)
    k = int((ordered.cumsum(0) < share).sum()) + 1
    kept = torch.zeros(len(p))
    kept[order[:k]] = ordered[:k]
    return kept / kept.sum()


def nucleus_in_a_loop(p, share):
    kept, total = torch.zeros_like(p), 0.0
    for i in torch.argsort(p, descending=True):
        if total >= share:
            break
        kept[i] = p[i]
        total += p[i].item()
    return kept / total


def nucleus_in_numpy(p, share):
    p = p.numpy()
    order = np.argsort(-p)
    k = np.searchsorted(np.cumsum(p[order]), share) + 1
    kept = np.zeros_like(p)
    kept[order[:k]] = p[order[:k]]
    return kept / kept.sum()


def nucleus_of_lists(p, share):
    pairs = sorted(enumerate(p.tolist()), key=lambda pair: -pair[1])
    kept, total = {}, 0
    while total < share:
        i, probability = pairs.pop(0)
        kept[i] = probability
        total += probability
    return [kept.get(i, 0) / total for i in range(len(p))]


def nucleus_by_threshold(p, share):
    ordered = p.sort(descending=True).values
    least = ordered[(ordered.cumsum(0) < share).sum()]
    kept = p * (p >= least)
    return kept / kept.sum()


def nucleus_by_shifted_mask(p, share):
    ordered, order = torch.sort(p, descending=True)
    remove = ordered.cumsum(-1) >= share
    remove[1:] = remove[:-1].clone()
    remove[0] = False
    return F.normalize(p.masked_fill(remove[order.argsort()], 0.0), p=1, dim=0)


def nucleus_of_what_is_likelier(p, share):
    before = torch.stack([p[p > own].sum() for own in p])
    kept = torch.where(before < share, p, torch.tensor(0.0))
    return kept / kept.sum()


def nucleus_of_logits(p, share):
    ordered, order = p.sort(descending=True)
    cut = order[int((ordered.cumsum(0) < share).sum()) + 1 :]
    logits = p.log()
    logits[cut] = -torch.inf
    return logits.softmax(0)


def nucleus_in_place(p, share):
    order = p.argsort(descending=True)
    outside = order[p[order].cumsum(0) - p[order] >= share]
    p[outside] = 0
    p /= p.sum()
    return p


def nucleus_of_two(p, share):
    kept = torch.where(p >= p.topk(2).values[-1], p, 0.0)
    return kept / kept.sum()


def nucleus_of_at_least_two(p, share):
    ordered, order = p.sort(descending=True)
    k = max(2, int((ordered.cumsum(0) < share).sum()) + 1)
    kept = torch.zeros_like(p)
    kept[order[:k]] = ordered[:k]
    return kept / kept.sum()


def nucleus_above_a_share_of_the_best(p, share):
    kept = torch.where(p >= share * p.max(), p, 0.0)
    return kept / kept.sum()


def nucleus_of_probable_tokens(p, share):
    kept = torch.where(p >= (1 - share) / len(p), p, 0.0)
    return kept / kept.sum()


def nucleus_as_a_mask(p, share):
    return nucleus_of_zeros(p, share) > 0


def nucleus_with_a_smaller_sum(p, share):
    return nucleus_of_zeros(p, share) * share


def nucleus_with_the_rest_spread(p, share):
    kept = torch.where(nucleus_of_zeros(p, share) > 0, p, 0.0)
    inside = kept > 0
    return torch.where(inside, p + (1 - kept.sum()) / inside.sum(), 0.0)


def nucleus_with_wrong_way_back(p, share):
    ordered, order = p.sort(descending=True)
    kept = ordered.where(ordered.cumsum(0) - ordered < share, 0.0)
    return (kept / kept.sum())[order]


def nucleus_that_stops_before(p, share):
    ordered, order = p.sort(descending=True)
    k = max(1, int((ordered.cumsum(0) <= share).sum()))
    kept = torch.zeros_like(p)
    kept[order[:k]] = ordered[:k]
    return kept / kept.sum()


def nucleus_with_the_unlikely_left(p, share):
    ordered, order = p.sort()
    kept = torch.zeros_like(p)
    kept[order] = ordered.where(ordered.cumsum(0) > 1 - share + ordered, 0.0)
    return kept / kept.sum()


def nucleus_drawn(p, share):
    return F.one_hot(torch.multinomial(nucleus_of_zeros(p, share), 1)[0], len(p)).float()


RIGHT = {
    "07.rnn": [
        rnn_into_an_empty_tensor, rnn_with_all_inputs_first, rnn_of_one_matrix, rnn_of_pytorch,
        rnn_with_einsum, rnn_by_linear_layers, rnn_text_by_text, rnn_by_recursion, rnn_in_double,
    ],
    "07.shift": [
        shift_the_logits, shift_with_classes_second, shift_by_gather, shift_by_ignoring,
        shift_place_by_place, shift_text_by_text, shift_with_nll, shift_with_one_hot,
    ],
    "07.chunks": [
        chunks_by_view, chunks_as_a_tuple, chunks_in_loops, chunks_in_numpy, chunks_as_lists,
        chunks_by_unfold, chunks_by_index, chunks_of_streams,
    ],
    "07.derivative": [
        derivative_by_steps, derivative_by_autograd, derivative_with_powers, derivative_in_numpy,
        derivative_of_sech,
    ],
    "07.suspect": [suspect_as_a_list, suspect_named, suspect_by_place],
    "07.top_p": [
        nucleus_of_zeros, nucleus_in_a_loop, nucleus_in_numpy, nucleus_of_lists,
        nucleus_by_threshold, nucleus_by_shifted_mask, nucleus_of_what_is_likelier,
        nucleus_of_logits, nucleus_in_place,
    ],
}  # fmt: skip

WRONG = {
    "07.rnn": [
        rnn_detached_at_every_step, rnn_detached_now_and_then, rnn_with_a_detached_matrix,
        rnn_without_gradients, rnn_of_new_tensors, rnn_that_keeps_the_input_only,
        rnn_with_the_bias_twice, rnn_that_forgets_after_two_steps, rnn_with_a_relu,
        rnn_that_adds_to_the_state, rnn_along_the_texts, rnn_with_the_state_of_the_first_text,
        rnn_with_exchanged_matrices,
    ],
    "07.shift": [
        shift_as_a_number, shift_without_gradients, shift_with_detached_logits,
        shift_without_the_first_target, shift_that_ignores_token_zero, shift_in_bits,
        shift_of_the_last_place, shift_of_the_first_text, shift_of_targets_only,
        shift_summed_over_places, shift_of_probabilities, shift_reversed,
        shift_with_smoothed_labels, shift_as_perplexity,
    ],
    "07.chunks": [
        chunks_one_after_the_other, chunks_with_rows_first, chunks_side_by_side, chunks_backwards,
        chunks_counted, chunks_sorted, chunks_with_the_rows_reversed, chunks_of_length_times_rows,
        chunks_the_first_only, chunks_that_overlap,
    ],
    "07.derivative": [
        derivative_as_a_magnitude, derivative_in_logarithms, derivative_of_a_linear_state,
        derivative_at_the_mean,
    ],
    "07.suspect": [suspect_memory, suspect_knowing, suspect_left_open, suspect_exchanged],
    "07.top_p": [
        nucleus_of_two, nucleus_of_at_least_two, nucleus_above_a_share_of_the_best,
        nucleus_of_probable_tokens, nucleus_as_a_mask, nucleus_with_a_smaller_sum,
        nucleus_with_the_rest_spread, nucleus_with_wrong_way_back, nucleus_that_stops_before,
        nucleus_with_the_unlikely_left, nucleus_drawn,
    ],
}  # fmt: skip

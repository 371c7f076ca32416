"""How a result is judged: by value, by gradient, by what became of the arguments."""

import copy
import inspect
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn

SMALLEST_SCALE = 0.1  # results below it are compared absolutely: float32 cannot do better near 0
UNTRAINABLE = "your result carries no gradient, so nothing could be trained with it: "


class Wrong(Exception):
    """An answer is wrong; the message says what and why."""


# ---- values


def is_close(result: Any, right: Any, tolerance: float) -> bool:
    """Whether numbers, tensors, arrays or lists of them have the same shape and about the same values.

    The difference may be `tolerance` times the largest value of `right`. A tuple or list of different
    things, such as (loss, queue), is compared part by part.
    """
    if _is_several(right):
        parts = _parts(result)
        return len(parts) == len(right) and all(
            is_close(a, b, tolerance) for a, b in zip(parts, right, strict=True)
        )
    result, right = _tensor(result), _tensor(right)
    if result is None or right is None or result.shape != right.shape or result.is_complex():
        return False
    result, right = result.double(), right.double()
    return torch.allclose(
        result, right, rtol=tolerance, atol=tolerance * max(_largest(right), SMALLEST_SCALE), equal_nan=True
    )


def raise_unlike(result: Any, right: Any, tolerance: float) -> None:
    """Raise Wrong, saying how a result differs from the right one, unless it is close."""
    if is_close(result, right, tolerance):
        return
    if _is_several(right):
        _raise_unlike_parts(result, right, tolerance)
    right = _tensor(right)
    result = as_tensor(result, tuple(right.shape))
    if not result.isfinite().all():
        raise Wrong("the result holds a value that is not finite (nan or inf).")
    worst = (result.double() - right.double()).abs().argmax()
    got, expected = result.flatten()[worst].item() + 0.0, right.flatten()[worst].item()  # + 0.0: no -0
    place = tuple(int(i) for i in torch.unravel_index(worst, right.shape)) if right.dim() else None
    raise Wrong(
        "a value should be {} but is {}{}.".format(
            *_telling(expected, got), f", at {list(place)} of the result" if place else ""
        )
    )


def common_factor(results: Sequence, rights: Sequence, tolerance: float) -> float | None:
    """The number that all right results were multiplied by, in every case; None if there is none."""
    pairs = [(_tensor(result), _tensor(right)) for result, right in zip(results, rights, strict=True)]
    if len(pairs) < 2 or any(a is None or b is None or a.shape != b.shape or not b.any() for a, b in pairs):
        return None
    a, b = (torch.cat([pair[i].double().flatten() for pair in pairs]) for i in (0, 1))
    factor = (a @ b / (b @ b)).item()
    same = (
        factor
        and math.isfinite(factor)
        and all(is_close(result, factor * right.double(), tolerance) for result, right in pairs)
    )
    return factor if same else None


def as_tensor(value: Any, shape: Sequence[int] | None = None, what: str = "the result") -> Tensor:
    """A tensor, an array, a number or a list of them as a detached tensor; raises Wrong for others.

    shape: raises Wrong as well unless the tensor has it. what: the subject of the message.
    """
    subject = "your function returned" if what == "the result" else f"{what} is"
    if value is None and what == "the result":
        raise Wrong(f"{subject} None; is a `return` missing?")
    tensor = _tensor(value)
    if tensor is None or tensor.is_complex():
        raise Wrong(f"{subject} a {type(value).__name__}; a tensor is expected.")
    if shape is not None and tuple(tensor.shape) != tuple(shape):
        raise Wrong(f"{what} has shape {tuple(tensor.shape)}; expected {tuple(shape)}.")
    return tensor


def _tensor(value: Any) -> Tensor | None:
    """A number, a tensor, an array or a list of them as a detached tensor on the CPU; None for others."""
    if isinstance(value, Tensor):
        return value.detach().cpu().to_dense()
    if isinstance(value, list | tuple):
        parts = [_tensor(part) for part in value]
        if any(part is None for part in parts) or len({part.shape for part in parts}) != 1:
            return None
        dtype = _common_dtype(parts)
        return torch.stack([part.to(dtype) for part in parts])
    if value is None or isinstance(value, str | bytes):
        return None
    try:
        array = np.array(value, order="C")
        if array.dtype.kind not in "bc":
            array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float64)
        return torch.from_numpy(array)
    except (TypeError, ValueError, RuntimeError):
        return None


def _common_dtype(tensors: list[Tensor]) -> torch.dtype:
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


def _largest(right: Tensor) -> float:
    """The largest finite absolute value; 0 where there is none."""
    finite = right[right.isfinite()]
    return finite.abs().max().item() if finite.numel() else 0.0


def _telling(expected: float, got: float) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to tell them apart, at least 4."""
    for digits in range(4, 17):
        if f"{expected:.{digits}g}" != f"{got:.{digits}g}":
            break
    return f"{expected:.{digits}g}", f"{got:.{digits}g}"


def _is_several(right: Any) -> bool:
    """Whether a right result is several things rather than one list of numbers."""
    return type(right) in (tuple, list)


def _parts(result: Any) -> list:
    return list(result) if isinstance(result, list | tuple) or getattr(result, "ndim", 0) > 0 else [result]


def _raise_unlike_parts(result: Any, right: Sequence, tolerance: float) -> None:
    parts = _parts(result)
    if result is None or len(parts) != len(right):
        got = "None; is a `return` missing?" if result is None else f"{len(parts)}."
        raise Wrong(f"your function should return {len(right)} things, but returned {got}")
    for number, (part, expected) in enumerate(zip(parts, right, strict=True), start=1):
        try:
            raise_unlike(part, expected, tolerance)
        except Wrong as wrong:
            raise Wrong(f"result {number} of {len(right)}: {wrong}") from None


# ---- arguments


def refuse_unknown(
    named: Any, names: Collection[str], request: str, refusal: str, kinds: tuple = (list, tuple, set)
) -> None:
    """Raise Wrong unless named is a collection, of one of the kinds, of some of the names.

    request: the message for anything else. refusal: what is said of an unknown name, before all names.
    """
    if not isinstance(named, kinds):
        raise Wrong(request)
    if unknown := [name for name in named if name not in names]:
        raise Wrong(f"{unknown[0]!r} {refusal} {', '.join(names)}.")


def fresh_copy(value: Any) -> Any:
    """A copy of a tensor or a network, so that what is done to it stays there; anything else as it is."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value) if isinstance(value, nn.Module) else value


def raise_changed(name: str, value: Any, before: Any) -> None:
    """Raise Wrong if a tensor or a network is not as it was. before: fresh_copy(value), made in time."""
    if isinstance(value, nn.Module):
        if value.training != before.training:
            raise Wrong(f"your function switched `{name}` between .train() and .eval(); leave it as it is.")
        state, old = value.state_dict(keep_vars=True), before.state_dict(keep_vars=True)
        if any(state[key].requires_grad != old[key].requires_grad for key in old):
            raise Wrong(
                f"your function changed requires_grad of `{name}`: that decides what is trained later."
            )
        if any(not torch.equal(state[key], old[key]) for key in old):
            raise Wrong(f"your function changed the weights or statistics of `{name}`; leave it as it is.")
    elif isinstance(value, Tensor):
        if value.requires_grad != before.requires_grad:
            raise Wrong(f"your function changed requires_grad of `{name}`; leave its argument as it is.")
        if value.shape != before.shape or not torch.equal(value, before):
            raise Wrong(
                f"your function changed `{name}` in place; it must leave its argument as it is. Operations "
                "that end in _ , += and `x[...] = ` change a tensor: make a new one, or work on x.clone()."
            )


# ---- gradients


def raise_unlike_gradients(
    answer: Callable,
    reference: Callable,
    cases: Callable[[], list[tuple]],
    names: Sequence[str],
    tolerance: float = 1e-3,
) -> None:
    """Raise Wrong unless the answer's results have the gradients of the reference's.

    names: parameters of the reference; tensors, or networks, whose weights are then meant.
    Results with several numbers are weighted at random, so that no gradient cancels out.
    """
    for arguments, same in zip(cases(), cases(), strict=True):
        expected = _gradients(reference, reference, same, names)
        found = _gradients(answer, reference, arguments, names)
        for name in names:
            scale = max(map(_largest, expected[name])) or 1.0
            if all(
                is_close(a / scale, b / scale, tolerance)
                for a, b in zip(found[name], expected[name], strict=True)
            ):
                continue
            if all((gradient == 0).all() for gradient in found[name]):
                raise Wrong(
                    f"no gradient reaches `{name}`, so nothing could be trained with it: look for .detach(), "
                    ".data, .item(), torch.tensor(...) or torch.no_grad() between it and the result."
                )
            raise Wrong(
                f"the values are right, but the gradient that reaches `{name}` is not: a step between it and "
                "the result is hidden from autograd, by .detach(), .data, .item() or torch.no_grad()."
            )


def _gradients(
    function: Callable, reference: Callable, arguments: tuple, names: Sequence[str]
) -> dict[str, list[Tensor]]:
    """The gradients of a function's result with respect to the arguments of these names."""
    given, leaves = list(map(fresh_copy, arguments)), {}
    for position, name in enumerate(inspect.signature(reference).parameters):
        if name not in names:
            continue
        if isinstance(given[position], nn.Module):
            leaves[name] = [weight for weight in given[position].parameters() if weight.requires_grad]
        else:
            leaves[name] = [given[position].detach().requires_grad_()]
            given[position] = leaves[name][0].clone()  # no leaf, so that it may be changed in place
    try:
        total = _weighted_sum(function(*given))
        flat = [leaf for of_name in leaves.values() for leaf in of_name]
        gradients = iter(torch.autograd.grad(total, flat, allow_unused=True))
    except RuntimeError as error:
        if "numpy() on Tensor that requires grad" in str(error):
            raise Wrong(UNTRAINABLE + "NumPy knows no gradients; use tensor operations.") from None
        if "modified by an inplace operation" in str(error):
            raise Wrong(UNTRAINABLE + "a tensor that its gradient needs was changed in place.") from None
        raise
    return {
        name: [torch.zeros_like(leaf) if (g := next(gradients)) is None else g for leaf in of_name]
        for name, of_name in leaves.items()
    }


def _weighted_sum(result: Any) -> Tensor:
    numbers = torch.cat([part.flatten().double() for part in _differentiable_parts(result)])
    if not numbers.requires_grad:
        raise Wrong(
            UNTRAINABLE + "look for .item(), .detach(), .data, torch.tensor(...) or torch.no_grad() on the "
            "way from the arguments to the result."
        )
    return numbers @ (0.5 + torch.rand(len(numbers), generator=Generator().manual_seed(0)).double())


def _differentiable_parts(result: Any) -> Iterator[Tensor]:
    if isinstance(result, list | tuple):
        for part in result:
            yield from _differentiable_parts(part)
    elif isinstance(result, Tensor):
        yield result
    else:
        kind = type(result).__name__
        raise Wrong(UNTRAINABLE + f"it is a {kind}; return a tensor, without .item(), float() or NumPy.")

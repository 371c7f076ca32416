"""Probabilistic grammars whose probabilities, entropy and hidden words are computed exactly."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

Rules = dict[str, dict[str, tuple[float, str]]]  # state -> word -> (its probability, the next state)
STOP = "."  # ends every sentence, and pads its row of tokens


class Grammar:
    """A probabilistic automaton: in each state a word is drawn, and the word decides the next state.

    rules: state -> {word: (probability, next state)}. The first state is "start"; the full stop, and it
    alone, leads to "end". Raises ValueError for other rules.
    The words before a position determine the state there, so a sentence's probability is a product and its
    entropy a sum over the states. Word numbers: 0 is the full stop. Probabilities are float64, entropies
    in nats.
    """

    def __init__(self, rules: Rules):
        _check_rules(rules)
        states = [*rules, "end"]
        self.words = (STOP, *sorted({word for row in rules.values() for word in row} - {STOP}))
        self.probability = torch.zeros(len(states), len(self.words), dtype=torch.float64)
        self.next_state = torch.full(self.probability.shape, states.index("end"))
        for state, row in rules.items():
            for word, (probability, target) in row.items():
                entry = states.index(state), self.words.index(word)
                self.probability[entry], self.next_state[entry] = probability, states.index(target)
        self.probability[-1, 0] = 1.0  # after the end, full stops pad the row

    def encode(self, sentence: str) -> Tensor:
        """Word numbers (1, length) of a sentence written with spaces: "the cat sleeps ."."""
        unknown = [word for word in sentence.split() if word not in self.words]
        if unknown:
            raise ValueError(f"unknown words {unknown}; the grammar knows {' '.join(self.words)}")
        return torch.tensor([[self.words.index(word) for word in sentence.split()]])

    def decode(self, tokens: Tensor) -> str:
        """The sentence in a row of word numbers (length,), up to its first full stop."""
        before, stop, _ = " ".join(self.words[token] for token in tokens).partition(STOP)
        return before + stop

    def sample(self, n: int, length: int, generator: Generator | None = None) -> Tensor:
        """n sentences as word numbers (n, length); raises ValueError if one is longer."""
        uniform = torch.rand(n, length, dtype=torch.float64, generator=generator)
        cumulative = self.probability.cumsum(1)
        cumulative /= cumulative[:, -1:]  # the last is 1 exactly
        state, columns = torch.zeros(n, dtype=torch.int64), []
        for step in range(length):
            columns.append((cumulative[state] <= uniform[:, step : step + 1]).sum(1))
            state = self.next_state[state, columns[-1]]
        if (state != len(self.probability) - 1).any():
            raise ValueError(f"a sentence has more than {length} words")
        return torch.stack(columns, dim=1)

    def next_word_probabilities(self, tokens: Tensor) -> Tensor:
        """p(word at t | the words before t) at every position t of tokens (n, length): (n, length, words)."""
        state, answers = torch.zeros(len(tokens), dtype=torch.int64), []
        for word in tokens.T:
            answers.append(self.probability[state])
            state = self.next_state[state, word]
        return torch.stack(answers, dim=1)

    def log_probability(self, tokens: Tensor) -> Tensor:
        """log p of sentences (n, length) in nats, (n,): the full stops that pad a row cost nothing.

        A row without its full stop gets the probability that a sentence begins so.
        """
        chosen = self.next_word_probabilities(tokens).gather(2, tokens.unsqueeze(2))
        return chosen.log().sum((1, 2))

    def hidden_word_probabilities(self, tokens: Tensor, hidden: Tensor | None = None) -> Tensor:
        """p(word at t | the visible words at all other positions) at every position t: (n, length, words).

        tokens: whole sentences (n, length). hidden: (n, length), True where the word is not seen; by default
        none, so that only the word at t itself is unknown. Forward-backward sums, hence exact (Rabiner,
        Proceedings of the IEEE 1989). Raises ValueError if no sentence of the grammar fits.
        """
        source, word = self.probability.nonzero(as_tuple=True)  # one arc for each word of each state
        target, arc = self.next_state[source, word], self.probability[source, word].unsqueeze(1)
        seen = F.one_hot(tokens, len(self.words)).bool()
        allowed = seen if hidden is None else seen | hidden.unsqueeze(2)
        allowed = allowed[:, :, word].permute(1, 2, 0)  # (length, arcs, n)
        states = len(self.probability)
        after = [torch.zeros(states, len(tokens), dtype=torch.float64)]  # p(words after t | state)
        after[0][-1] = 1.0  # behind the last position is the end
        for step in reversed(allowed):
            after.insert(0, _sum_by(source, arc * after[0][target] * step, states))
        before = torch.zeros_like(after[0])  # p(words before t, state), (states, n)
        before[0] = 1.0
        answers = []
        for step, later in zip(allowed, after[1:], strict=True):
            forward = before[source] * arc
            answers.append(_sum_by(word, forward * later[target], len(self.words)).T)
            before = _sum_by(target, forward * step, states)
        answer = torch.stack(answers, dim=1)
        if (answer.sum(2) == 0).any():
            raise ValueError("a row of tokens is not a sentence of the grammar, with a full stop at its end")
        return answer / answer.sum(2, keepdim=True)

    def visits(self) -> Tensor:
        """How often a sentence passes through each state on average, (states,); 0 for the end."""
        n = len(self.probability) - 1
        moves = torch.zeros(n, n + 1, dtype=torch.float64)
        moves.scatter_add_(1, self.next_state[:n], self.probability[:n])  # p(next state | state)
        start = F.one_hot(torch.tensor(0), n).double()
        visits = torch.linalg.solve(torch.eye(n) - moves[:, :n].T, start)  # visits = start + visits @ moves
        return F.pad(visits, (0, 1))

    def mean_length(self) -> float:
        """Words in a sentence on average, the full stop included."""
        return self.visits().sum().item()

    def sentence_entropy(self) -> float:
        """Entropy of a sentence in nats: the entropy of each state's choice, times its visits."""
        return (self.visits() @ torch.special.entr(self.probability).sum(1)).item()

    def entropy_rate(self) -> float:
        """Entropy in nats per word, sentence after sentence: the floor of models that read left to right."""
        return self.sentence_entropy() / self.mean_length()

    def pair_probabilities(self) -> Tensor:
        """p(a word is i, the next one j) in an endless text, (words, words); the row sums are p(word i)."""
        drawn = self.visits().unsqueeze(1) * self.probability / self.mean_length()  # p(state, word)
        arrive = torch.zeros_like(drawn.T).scatter_add_(1, self.next_state.T, drawn.T)  # p(word, next state)
        arrive[:, 0] += arrive[:, -1]  # after the end, the next sentence starts
        return arrive[:, :-1] @ self.probability[:-1]


def _sum_by(index: Tensor, values: Tensor, size: int) -> Tensor:
    """Sum the rows of values (arcs, n) that have the same index: (size, n)."""
    return values.new_zeros(size, values.shape[1]).index_add_(0, index, values)


def _check_rules(rules: Rules) -> None:
    if next(iter(rules), None) != "start":
        raise ValueError('the first state must be called "start"')
    for state, row in rules.items():
        total = sum(probability for probability, _ in row.values())
        if abs(total - 1) > 1e-9 or min(probability for probability, _ in row.values()) <= 0:
            raise ValueError(
                f"the probabilities in state {state!r} must be positive and sum to 1, not to {total:g}"
            )
        for word, (_, target) in row.items():
            if target not in rules and target != "end":
                raise ValueError(
                    f"in state {state!r} the word {word!r} leads to {target!r}, which has no rules"
                )
            if (word == STOP) != (target == "end"):
                raise ValueError(f"state {state!r}: the full stop, and it alone, must lead to the end")

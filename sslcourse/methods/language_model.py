"""Predict the next token from all tokens before it with a recurrent network (Mikolov et al., 2010)."""

from torch import Tensor, nn
from torch.nn import functional as F

NETWORKS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
State = Tensor | tuple[Tensor, Tensor]  # an LSTM has two


def next_token_loss(logits: Tensor, tokens: Tensor) -> Tensor:
    r"""Mean surprise in nats of every token but the first.

    .. math:: -\frac{1}{N T} \sum_{n=1}^{N} \sum_{t=1}^{T} \log p(x_{n,t+1} \mid x_{n,1}, \ldots, x_{n,t})

    logits: (N, T, K), those at position t are for token t + 1. tokens: (N, T + 1).
    """
    if tokens.shape != (logits.shape[0], logits.shape[1] + 1):
        raise ValueError(
            f"logits {tuple(logits.shape)} need one token more than positions, got {tuple(tokens.shape)}"
        )
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


class LanguageModel(nn.Module):
    """Embedding, recurrent network and readout, trained together to predict the next token.

    kind: "rnn" (Elman, 1990), "gru" (arXiv:1406.1078) or "lstm" (Hochreiter and Schmidhuber, 1997).
    """

    def __init__(self, n_tokens: int, hidden: int, kind: str = "lstm", embedding: int = 32):
        super().__init__()
        if kind not in NETWORKS:
            raise ValueError(f"unknown kind {kind!r}; choose one of {', '.join(NETWORKS)}")
        self.embedding = nn.Embedding(n_tokens, embedding)
        self.recurrent = NETWORKS[kind](embedding, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, n_tokens)
        self.state = None  # after the newest chunk of the training

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Logits (N, T, K) of each next token from tokens (N, T), and the state after the last one."""
        hidden, state = self.recurrent(self.embedding(tokens), state)  # (N, T, hidden)
        return self.readout(hidden), state

    def loss(self, chunk: tuple[Tensor, bool]) -> Tensor:
        """next_token_loss of a chunk (tokens, first), whose text goes on where the chunk before stopped."""
        tokens, first = chunk
        logits, state = self(tokens[:, :-1], None if first else self.state)
        self.state = detached(state)
        return next_token_loss(logits, tokens)


def detached(state: State) -> State:
    """The same numbers without their history: back-propagation stops here (Williams and Peng, 1990)."""
    return (
        tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
    )

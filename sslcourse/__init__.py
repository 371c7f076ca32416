"""The code that the lessons teach: self-supervised learning in short functions on tensors."""

__version__ = "0.1.0"

"""The tutorial's network: two hidden layers, 300 and 100 units, and an output layer without bias."""

import torch


class Digits(torch.nn.Module):
    """Scores for the ten digits from 784 pixels between 0 and 1: float32 [n, 784] to float32 [n, 10]."""

    def __init__(self) -> None:
        super().__init__()
        self.h1 = torch.nn.Linear(784, 300)
        self.h2 = torch.nn.Linear(300, 100)
        self.output = torch.nn.Linear(100, 10, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One score per digit."""
        return self.output(torch.relu(self.h2(torch.relu(self.h1(x)))))

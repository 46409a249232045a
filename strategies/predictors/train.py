"""Training the recurrent member with PyTorch and writing it down as ONNX: offline, never where it is asked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from strategies.predictors.examples import Examples, log_odds
from strategies.predictors.recurrent import INPUTS, MARGIN_SCALE, features

__all__ = ["train_recurrent"]

_HIDDEN = 16
_EPOCHS = 30
_BATCH = 128
_RATE = 4e-3
_DECAY = 1e-2
_UNKNOWN = 0.3
"""The share of games whose strength is hidden in training, so that the network can do without."""
# Half-time margins spread half as wide as final ones, and late minutes are what is asked most.
_HORIZON_WEIGHT = (2.0, 1.0)
_FIRST_MINUTE_WEIGHT = 0.3


class _Network(torch.nn.Module):  # type: ignore[misc]  # PyTorch is an extra that type checks do without
    def __init__(self) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(INPUTS, _HIDDEN, batch_first=True)
        self.head = torch.nn.Linear(_HIDDEN, 2)

    def forward(self, minutes: torch.Tensor) -> torch.Tensor:
        """Return the points still to be added, scaled, after every minute."""
        added: torch.Tensor = self.head(self.lstm(minutes)[0])
        return added


def train_recurrent(examples: Examples, seed: int) -> bytes:
    """Train on the games and return the network as ONNX."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    network = _Network()
    batches = -(-len(examples) // _BATCH) * _EPOCHS
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, batches)
    for minutes, lead, margins in _batches(examples, np.random.default_rng(seed)):
        loss = _loss(network(minutes) * MARGIN_SCALE + lead, margins)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return _exported(network)


def _batches(
    examples: Examples, generator: np.random.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Yield the games again and again in changing order, each time with other strengths hidden."""
    patterns, strength = examples.patterns.astype(np.float64), log_odds(examples.prior_u6)
    lead = torch.tensor(patterns[:, :, None], dtype=torch.float32)
    margins = torch.tensor(examples.margins[:, None], dtype=torch.float32)
    for _ in range(_EPOCHS):
        hidden = generator.random(len(examples)) < _UNKNOWN
        minutes = torch.from_numpy(features(patterns, np.where(hidden, np.nan, strength)))
        order = torch.from_numpy(generator.permutation(len(examples)))
        for part in torch.split(order, _BATCH):
            yield minutes[part], lead[part], margins[part]


def _loss(forecast: torch.Tensor, margins: torch.Tensor) -> torch.Tensor:
    by_minute = torch.linspace(_FIRST_MINUTE_WEIGHT, 1.0, forecast.shape[1])[None, :, None]
    loss: torch.Tensor = ((forecast - margins).abs() * by_minute * torch.tensor(_HORIZON_WEIGHT)).mean()
    return loss


def _exported(network: _Network) -> bytes:
    """Return the graph: one LSTM, of which the last state alone is asked, and one linear layer."""
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}

    def gates(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        # PyTorch keeps its gates as input, forget, cell, output; ONNX as input, output, forget, cell.
        inward, forget, cell, outward = np.split(weights[name], 4)
        return np.concatenate([inward, outward, forget, cell])[None]

    biases = np.concatenate([gates("lstm.bias_ih_l0"), gates("lstm.bias_hh_l0")], axis=1)
    constants = {
        "W": gates("lstm.weight_ih_l0"),
        "R": gates("lstm.weight_hh_l0"),
        "B": biases,
        "head": weights["head.weight"],
        "bias": weights["head.bias"],
        "first": np.array([0], np.int64),
    }
    nodes = [
        helper.make_node("Transpose", ["minutes"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["steps", "W", "R", "B"], ["", "state"], hidden_size=_HIDDEN),
        helper.make_node("Squeeze", ["state", "first"], ["last"]),
        helper.make_node("Gemm", ["last", "head", "bias"], ["added"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "recurrent",
        [helper.make_tensor_value_info("minutes", TensorProto.FLOAT, ["games", "minutes", INPUTS])],
        [helper.make_tensor_value_info("added", TensorProto.FLOAT, ["games", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())

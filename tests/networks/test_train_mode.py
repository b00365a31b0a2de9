"""Evaluation mode is never taken behind its owner's back."""

import pytest
import torch
from torch import nn

from tangentlab._errors import NetworkError
from tangentlab.networks import Network
from tangentlab.networks.train_mode import check_train_mode

X = torch.linspace(0.1, 1, 12).reshape(3, 4)


def check(model, mode=None):
    network = Network(model, mode=mode)
    check_train_mode(network, X, network(X))


class DropsPaths(nn.Module):
    def forward(self, x):
        return x * (torch.rand(len(x), 1) > 0.5) * 2 if self.training else x


CHANGING = {
    "1.*BatchNorm1d": lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)),
    "1.*Dropout": lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.01)),
    "1.*RReLU": lambda: nn.Sequential(nn.Linear(4, 3), nn.RReLU()),
    "1.*InstanceNorm1d": lambda: nn.Sequential(nn.Linear(4, 3), nn.InstanceNorm1d(3, track_running_stats=True)),
    "module Sequential": lambda: nn.Sequential(nn.Linear(4, 3), DropsPaths()),
}
UNCHANGING = {
    "plain": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.LayerNorm(3)),
    "no probability": lambda: nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.0)),
    "no range": lambda: nn.Sequential(nn.Linear(4, 3), nn.RReLU(0.2, 0.2)),
    "frozen part": lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3).eval()),
}


@pytest.mark.parametrize("words", CHANGING)
def test_a_part_that_train_mode_changes_is_refused_by_name(words):
    with pytest.raises(NetworkError, match=rf"train mode.*{words}.*model.eval\(\)"):
        check(CHANGING[words]())


@pytest.mark.parametrize("words", CHANGING)
def test_in_evaluation_mode_or_asked_for_it_nothing_is_refused(words):
    check(CHANGING[words]().eval())
    check(CHANGING[words](), mode="eval")


@pytest.mark.parametrize("name", UNCHANGING)
def test_train_mode_that_changes_nothing_is_taken(name):
    check(UNCHANGING[name]())


def test_a_change_that_these_rows_do_not_show_is_refused_all_the_same():
    model = nn.Sequential(nn.Linear(4, 3), nn.RReLU())
    with torch.no_grad():
        model[0].weight.abs_()
        model[0].bias.fill_(1)  # every unit positive: no slope is drawn
    with pytest.raises(NetworkError, match="RReLU"):
        check(model)


def test_dropout_inside_recurrent_and_attention_layers_counts_where_it_acts():
    with pytest.warns(UserWarning, match="dropout"):
        idle = nn.LSTM(4, 3, 1, dropout=0.5)  # no layer but the last
    network = Network(idle, output=0)
    x = X.unsqueeze(1)
    check_train_mode(network, x, network(x))
    for layer in (nn.LSTM(4, 3, 2, dropout=0.5), nn.MultiheadAttention(4, 2, dropout=0.5)):
        network = Network(layer, output=0)
        with pytest.raises(NetworkError, match=type(layer).__name__):
            check_train_mode(network, (x,) * (3 if isinstance(layer, nn.MultiheadAttention) else 1), x)

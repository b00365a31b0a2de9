"""The scikit-learn faces: a network's linearization as a classifier and as a regressor.

Both bind a network at its weights and fit its tangent there, f0(x) + J(x) δ, through the empirical kernel: by ridge
regression, or by the descent that would have trained the network. The network itself is never trained or changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor, nn

from tangentlab._errors import ArgumentError, ShapeError, UnknownNameError
from tangentlab._shapes import expect_callable
from tangentlab.kernels import NeuralTangentKernel
from tangentlab.linalg import KernelBlocks
from tangentlab.networks import Network, build_network, call_builder, inspect_network
from tangentlab.training import (
    Descent,
    KernelRegression,
    inverse_temperature,
    stable_learning_rate,
    train_function_space,
)

FITS = ("regression", "descent")
DTYPES = {"float64": torch.float64, "float32": torch.float32}

ROWS_AT_ONCE = 1024
"""Rows predicted, or passed through the network, at once."""


class _TangentEstimator(BaseEstimator):
    """What both estimators share: parameters, the bound network, the fit in function space."""

    def __init__(
        self,
        module: nn.Module | Network | Callable[..., nn.Module] | str | None = None,
        *,
        fit_by: str = "regression",
        ridge: float = 1e-3,
        descent: Descent | None = None,
        outputs: str | int = "mean",
        centred: bool = False,
        input_shape: tuple[int, ...] | None = None,
        mode: str | None = None,
        dtype: str = "float64",
        memory: int | str | None = None,
        random_state: Any = None,
    ):
        self.module = module
        self.fit_by = fit_by
        self.ridge = ridge
        self.descent = descent
        self.outputs = outputs
        self.centred = centred
        self.input_shape = input_shape
        self.mode = mode
        self.dtype = dtype
        self.memory = memory
        self.random_state = random_state

    def _check_parameters(self) -> int:
        """Refuse parameters that name nothing; returns the seed."""
        if self.fit_by not in FITS:
            raise UnknownNameError("fit_by", self.fit_by, FITS)
        if self.dtype not in DTYPES:
            raise UnknownNameError("dtype", self.dtype, DTYPES)
        if self.descent is not None and not isinstance(self.descent, Descent):
            raise ArgumentError(
                "descent",
                expected="a Descent or None",
                got=type(self.descent).__name__,
                remedy="Try descent=Descent(epochs=30).",
            )
        if self.random_state is None:
            return 0
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _bind(self, X: np.ndarray, *, seed: int, choices: tuple[int, ...], why: str) -> int:
        """Set `kernel_`; the number of outputs, one of `choices`, of which a builder is asked for the first."""
        shape = self._row_shape(X.shape[1])
        model, mode = self.module, self.mode
        if model is None or isinstance(model, str):
            model, mode = build_network(model or "mlp", shape, outputs=choices[0], seed=seed), "eval"
        elif not isinstance(model, (nn.Module, Network)):
            expected = "a module, a Network, a builder, a name or None"
            expect_callable("module", model, expected=expected, remedy="Try module='mlp:width=256'.")
            name = getattr(model, "__name__", type(model).__name__)
            model, mode = call_builder(model, shape, name=name, outputs=choices[0], seed=seed), "eval"
        self.kernel_ = NeuralTangentKernel(
            Network(model, mode=mode), outputs=self.outputs, memory=self.memory, dtype=DTYPES[self.dtype]
        )
        network = self.kernel_.network
        found = inspect_network(network, network.place(self._rows(X[:1]))).outputs
        if found not in choices:
            raise ShapeError(
                "module",
                expected=f"a network with {' or '.join(map(str, choices))} output(s) for {why}",
                got=f"one with {found}",
                remedy="Change its last layer, or select outputs with Network(module, output=...).",
            )
        return found

    def _row_shape(self, features: int) -> tuple[int, ...]:
        shape = (features,) if self.input_shape is None else tuple(self.input_shape)
        if int(np.prod(shape)) != features:
            raise ShapeError(
                "input_shape",
                expected=f"a shape with as many entries as a row of X has, {features}",
                got=str(shape),
                remedy="Give (channels, height, width) of the images that the rows of X are.",
            )
        return shape

    def _rows(self, X: np.ndarray) -> Tensor:
        """Rows of X as the network takes them, copied: X may be read-only."""
        return torch.tensor(X).reshape(len(X), *self._row_shape(X.shape[1]))

    def _at_anchor(self, x: Tensor) -> Tensor | None:
        """Outputs f0(x) (n, c) in float64, or None when centred."""
        if self.centred:
            return None
        return torch.cat([self.kernel_.network(rows) for rows in x.split(ROWS_AT_ONCE)]).double()

    def _fit_tangent(self, X: np.ndarray, *, codes: Tensor, targets: Tensor, loss: str, seed: int) -> Any:
        """Regression on codes (n, c), or descent of the loss on targets; what the fit returns."""
        self._x_fit = self._rows(X)
        K, f0 = self.kernel_(self._x_fit), self._at_anchor(self._x_fit)
        if self.fit_by == "regression":
            fit = KernelRegression(ridge=self.ridge).fit(K, codes.to(K.device), f0)
        else:
            self.descent_ = self._choose_descent(K, loss=loss, seed=seed)
            fit = train_function_space(K, f0, targets, self.descent_)
        self.coefficients_ = fit.coefficients
        return fit

    def _choose_descent(self, K: Tensor, *, loss: str, seed: int) -> Descent:
        if self.descent is not None:
            return replace(self.descent, loss=loss)
        descent = Descent(loss=loss, seed=seed)
        stable = stable_learning_rate(K, loss=loss, momentum=descent.momentum)
        return replace(descent, learning_rate=min(descent.learning_rate, stable / 2))

    def _outputs(self, X: Any) -> Tensor:
        """The fitted linearization on rows X, (m, c) float64 on the CPU."""
        check_is_fitted(self, "coefficients_")
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return torch.cat([self._outputs_at(rows) for rows in self._rows(X).split(ROWS_AT_ONCE)])

    def _outputs_at(self, x: Tensor) -> Tensor:
        a = self.coefficients_
        f = KernelBlocks.of(self.kernel_(x, self._x_fit).double(), outputs=a.shape[1]).apply(a)
        f0 = self._at_anchor(x)
        return (f if f0 is None else f + f0).cpu()


class TangentClassifier(ClassifierMixin, _TangentEstimator):
    """A network's linearization at its weights, as a scikit-learn classifier.

    Two classes take a network of one output (or of two), more take one output a class. Regression fits the codes
    −1 and 1, or one-hot rows; descent the binary or the softmax cross-entropy.

    Parameters
    ----------
    module: the network to linearize at its present weights, an `nn.Module` or a `Network`; or something that
        builds one once the columns of X are known: a name from the catalogue ("mlp:width=256", "lenet"),
        "package.module:callable", or a callable with any of the arguments `input_shape`, `outputs`, `seed`,
        `generator`. None is "mlp". What is built is evaluated in evaluation mode
    fit_by: "regression" (ridge regression on the kernel, O(n³)) or "descent" (in function space)
    ridge: absolute, added to the diagonal of the kernel; for regression
    descent: a `Descent`, whose loss is set to the one above; None for the defaults, with `random_state` as seed and
        at most half the stable learning rate
    outputs: flavour of the kernel. "mean" shares one kernel, averaged over outputs, among all of them, and is
        exact for one output; "full" is the linearization exactly, at c² the memory and c³ the time
    centred: leave out the network's own outputs f0
    input_shape: shape of one row, such as (1, 8, 8), when the network takes images; X stays (n, d)
    mode: "eval" to take a module that stands in train mode in its evaluation mode
    dtype: "float64" or "float32", for the kernel; solves are float64 either way
    memory: bytes for the kernel's computation, or words such as "4GiB"
    random_state: seed of built weights and of the default descent; None is a fixed seed, for nothing here draws
        from the global random state

    Attributes
    ----------
    classes_, n_features_in_: as in scikit-learn
    kernel_: the `NeuralTangentKernel`; `kernel_.describe()` says the anchor in words
    coefficients_: a (n, c), the outputs are f0(x) + K(x, X) a
    descent_: the descent that ran, when fitted by one
    inverse_temperature_: s in `predict_proba`

    >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"]
    >>> TangentClassifier(random_state=0).fit(X, y).predict([[-3.0], [3.0]]).tolist()
    ['no', 'yes']
    """

    def fit(self, X: Any, y: Any) -> TangentClassifier:
        """Fit to rows X (n, d) and labels y (n,) of two classes or more."""
        seed = self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ArgumentError(
                "y",
                expected="labels of two classes or more",
                got=f"one class, {self.classes_[0]!r}, in all rows",
                remedy="Give rows of every class.",
            )
        c = self._bind(X, seed=seed, choices=(1, 2) if count == 2 else (count,), why=f"{count} classes")
        labels = torch.tensor(numbers)
        one_hot = torch.nn.functional.one_hot(labels, count).double()
        fit = self._fit_tangent(
            X,
            codes=one_hot if c > 1 else 2 * one_hot[:, 1:] - 1,
            targets=labels,
            loss="cross_entropy" if c > 1 else "bce",
            seed=seed,
        )
        self.inverse_temperature_ = 1.0
        if self.fit_by == "regression":
            self.inverse_temperature_ = inverse_temperature(_logits(fit.leave_one_out.cpu()), labels)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Outputs on rows X: (m,), positive for the second of two classes, or (m, c) with the largest for the class."""
        logits = _logits(self._outputs(X)).numpy()
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row of X (m, d)."""
        logits = _logits(self._outputs(X))
        return self.classes_[logits.argmax(1).numpy()]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (m, classes): the softmax of s times the outputs, for one output the sigmoid.

        A descent of cross-entropy trains logits, and s = 1. Outputs of a regression are codes, not logits: s is
        fitted to its exact leave-one-out predictions (see `inverse_temperature`).
        """
        logits = _logits(self._outputs(X))
        return torch.softmax(self.inverse_temperature_ * logits, 1).numpy()


class TangentRegressor(RegressorMixin, _TangentEstimator):
    """A network's linearization at its weights, as a scikit-learn regressor of one target or several.

    Takes the parameters of `TangentClassifier`; the network has one output for each target, and a descent
    descends the squared loss.

    For a linear network from 0 on the unit vectors the kernel is the identity, and ridge 1 halves the targets:

    >>> module = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.zeros_(module.weight)
    >>> fit = TangentRegressor(module, ridge=1.0).fit([[1.0, 0.0], [0.0, 1.0]], [4.0, 8.0])
    >>> fit.predict([[1.0, 1.0]]).tolist()
    [6.0]
    """

    def fit(self, X: Any, y: Any) -> TangentRegressor:
        """Fit to rows X (n, d) and real targets y (n,) or (n, targets)."""
        seed = self._check_parameters()
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        columns = torch.tensor(y, dtype=torch.float64).reshape(len(y), -1)
        count = columns.shape[1]
        self._bind(X, seed=seed, choices=(count,), why=f"{count} target(s)")
        self._fit_tangent(X, codes=columns, targets=columns, loss="mse", seed=seed)
        self._is_vector = y.ndim == 1
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Targets of each row of X (m, d): (m,) or (m, targets), as in the fit."""
        outputs = self._outputs(X).numpy()
        return outputs[:, 0] if self._is_vector else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _logits(f: Tensor) -> Tensor:
    """One column a class: f, or 0 beside a single output."""
    return f if f.shape[1] > 1 else torch.cat([torch.zeros_like(f), f], 1)

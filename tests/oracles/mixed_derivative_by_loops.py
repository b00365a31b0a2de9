"""∂²f/∂θ∂x written out: first derivatives in the weights at inputs moved a little, one coordinate at a time."""

import torch


def weight_gradient(model, x, weights):
    """∂⟨weights, f(x)⟩/∂θ of a module at one row x (1, ...), flattened."""
    parameters = [tensor for tensor in model.parameters() if tensor.requires_grad]
    f = (model(x).flatten() * weights).sum()
    found = torch.autograd.grad(f, parameters, allow_unused=True)
    return torch.cat([(torch.zeros_like(t) if g is None else g).flatten() for t, g in zip(parameters, found)])


def mixed_derivative_by_loops(model, x, weights=None, *, step=1e-3):
    """D (p, d) at one row x (1, ...), float64, by central differences of fourth order: errors of about step⁴."""
    weights = torch.ones(1, dtype=torch.float64) if weights is None else weights
    columns = []
    for i in range(x.numel()):
        along = torch.zeros_like(x)
        along.view(-1)[i] = step
        one, two = (
            weight_gradient(model, x + m * along, weights) - weight_gradient(model, x - m * along, weights)
            for m in (1, 2)
        )
        columns.append((8 * one - two) / (12 * step))
    return torch.stack(columns, dim=1)

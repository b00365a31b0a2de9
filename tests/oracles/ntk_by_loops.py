"""The tangent kernel as its definition says: a loop of torch.autograd.grad over rows and outputs, then products.

Shares no code with the package: it calls the module itself, one row at a time.
"""

import torch


def _row(x, i):
    if isinstance(x, dict):
        return {k: v[i : i + 1] if torch.is_tensor(v) else v for k, v in x.items()}
    if isinstance(x, tuple):
        return tuple(v[i : i + 1] for v in x)
    return x[i : i + 1]


def _call(model, x):
    if isinstance(x, dict):
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def _rows(x):
    first = (
        next(v for v in x.values() if torch.is_tensor(v))
        if isinstance(x, dict)
        else x[0]
        if isinstance(x, tuple)
        else x
    )
    return len(first)


def jacobian_by_loops(model, x, *, parameters=None, select=lambda out: out):
    """(n, c, p)"""
    named = dict(model.named_parameters())
    chosen = [p for n, p in named.items() if (p.requires_grad if parameters is None else n in parameters)]
    flags = [p.requires_grad for p in chosen]
    for p in chosen:
        p.requires_grad_(True)
    rows = []
    for i in range(_rows(x)):
        f = select(_call(model, _row(x, i))).reshape(-1)
        per_output = []
        for k in range(len(f)):
            grads = torch.autograd.grad(f[k], chosen, retain_graph=True, allow_unused=True)
            per_output.append(
                torch.cat(
                    [
                        (torch.zeros_like(p) if g is None else g.to_dense()).reshape(-1)
                        for p, g in zip(chosen, grads)
                    ]
                )
            )
        rows.append(torch.stack(per_output))
    for p, flag in zip(chosen, flags):
        p.requires_grad_(flag)
    return torch.stack(rows).detach()


def ntk_by_loops(model, x1, x2=None, *, outputs="full", parameters=None, select=lambda out: out):
    """The kernel in the flavour `outputs`, from explicit Jacobians."""
    left = jacobian_by_loops(model, x1, parameters=parameters, select=select)
    right = left if x2 is None else jacobian_by_loops(model, x2, parameters=parameters, select=select)
    return flavoured(torch.einsum("ikp,jlp->ijkl", left, right), outputs)


def flavoured(full, outputs):
    """A full kernel (n, m, c, c) in the flavour `outputs`."""
    if outputs == "full":
        return full
    if outputs == "sum":
        return full.sum((2, 3))
    diagonal = torch.einsum("ijkk->ijk", full)
    if outputs == "diagonal":
        return diagonal
    if outputs == "trace":
        return diagonal.sum(2)
    if outputs == "mean":
        return diagonal.mean(2)
    return diagonal[..., outputs]

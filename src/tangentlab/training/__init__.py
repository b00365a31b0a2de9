"""Training, primal and in function space: descent, gradient flow, kernel regression, stable rates."""

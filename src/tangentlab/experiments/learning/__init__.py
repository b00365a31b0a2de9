"""What learns and what is read of it: targets, kernels at the ends of a path, fits, the learner at infinite width."""

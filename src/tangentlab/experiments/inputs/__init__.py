"""What an experiment is given: data, networks and tasks, by name or from the caller's hands."""

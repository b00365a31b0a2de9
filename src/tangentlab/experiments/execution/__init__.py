"""Units of work, run: in this process, on workers of this machine or on a cluster, each into its store."""

"""tangentlab."""

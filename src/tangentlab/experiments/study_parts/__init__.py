"""What several studies are made of: where their units lie, rows and tasks, contests, and what is learnt of a pool."""

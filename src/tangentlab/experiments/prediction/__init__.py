"""Statements before training: predictions with a band that past ones calibrate, their ranking, and diagnoses."""

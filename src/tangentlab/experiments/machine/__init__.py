"""The machine that experiments run on: its device, a share of its cores, its description, an examination of it."""

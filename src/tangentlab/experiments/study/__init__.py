"""The framework of studies: words and scales, units of work, what they cost, and a forecast of a whole study."""

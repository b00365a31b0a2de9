"""Tasks of graded difficulty that a kernel defines, scored and written to files for any learner."""

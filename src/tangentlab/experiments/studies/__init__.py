"""The experiments of the papers, one file of words and scales (TOML) and one of computation each."""

from tangentlab.experiments.studies.catalogue import STUDIES as STUDIES

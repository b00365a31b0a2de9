"""From a spec to records: the grid of a comparison, its cells one by one or on workers, and what they found."""

from tangentlab.experiments.cell import Cell as Cell
from tangentlab.experiments.compare import compare as compare
from tangentlab.experiments.defaults import resolved as resolved
from tangentlab.experiments.execute import Outcome as Outcome
from tangentlab.experiments.execute import execute as execute
from tangentlab.experiments.grid import Planned as Planned
from tangentlab.experiments.grid import plan as plan
from tangentlab.experiments.grid import runnable as runnable
from tangentlab.experiments.grid import skipped_reasons as skipped_reasons
from tangentlab.experiments.learners import LEARNERS as LEARNERS
from tangentlab.experiments.learners import choose_learners as choose_learners
from tangentlab.experiments.progress import Event as Event
from tangentlab.experiments.progress import Forecast as Forecast
from tangentlab.experiments.results import Results as Results
from tangentlab.experiments.run import Run as Run
from tangentlab.experiments.run_cell import Findings as Findings
from tangentlab.experiments.run_cell import run_cell as run_cell
from tangentlab.experiments.sources import Sources as Sources
from tangentlab.experiments.spec import ComparisonSpec as ComparisonSpec
from tangentlab.experiments.spec import DescentSpec as DescentSpec
from tangentlab.experiments.spec_file import read_spec_file as read_spec_file
from tangentlab.experiments.spec_file import spec_from_toml as spec_from_toml
from tangentlab.experiments.spec_file import spec_to_toml as spec_to_toml
from tangentlab.experiments.threads import available_cores as available_cores

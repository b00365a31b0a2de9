"""Measurements, one a file: what a kernel says of a target, of itself, and of another kernel. None trains."""

from tangentlab.probes.alignment import Alignment as Alignment
from tangentlab.probes.alignment import alignment as alignment
from tangentlab.probes.alignment_intervals import alignment_intervals as alignment_intervals
from tangentlab.probes.anisotropy_by_initialization import InitializationAnisotropy as InitializationAnisotropy
from tangentlab.probes.anisotropy_by_initialization import (
    anisotropy_by_initialization as anisotropy_by_initialization,
)
from tangentlab.probes.complexity import Complexity as Complexity
from tangentlab.probes.complexity import complexity as complexity
from tangentlab.probes.complexity_intervals import ComplexityIntervals as ComplexityIntervals
from tangentlab.probes.complexity_intervals import complexity_intervals as complexity_intervals
from tangentlab.probes.direction_alignment import DirectionAlignment as DirectionAlignment
from tangentlab.probes.direction_alignment import direction_alignment as direction_alignment
from tangentlab.probes.eigenlearning import PredictedRisk as PredictedRisk
from tangentlab.probes.eigenlearning import eigenlearning as eigenlearning
from tangentlab.probes.equivalent_ridge import EquivalentRidge as EquivalentRidge
from tangentlab.probes.equivalent_ridge import equivalent_ridge as equivalent_ridge
from tangentlab.probes.gradient_alignment import GradientAlignment as GradientAlignment
from tangentlab.probes.gradient_alignment import alignment_from_gradient as alignment_from_gradient
from tangentlab.probes.jackknife import Jackknife as Jackknife
from tangentlab.probes.jackknife import jackknife as jackknife
from tangentlab.probes.kernel_distance import distance_interval as distance_interval
from tangentlab.probes.kernel_distance import kernel_distance as kernel_distance
from tangentlab.probes.kernel_evolution import KernelEvolution as KernelEvolution
from tangentlab.probes.kernel_evolution import KernelReading as KernelReading
from tangentlab.probes.kernel_rotation import KernelRotation as KernelRotation
from tangentlab.probes.kernel_rotation import TurnedTarget as TurnedTarget
from tangentlab.probes.kernel_rotation import kernel_rotation as kernel_rotation
from tangentlab.probes.kernel_target import KernelTarget as KernelTarget
from tangentlab.probes.layer_shares import LayerShare as LayerShare
from tangentlab.probes.layer_shares import layer_kernels as layer_kernels
from tangentlab.probes.layer_shares import layer_shares as layer_shares
from tangentlab.probes.parameter_groups import parameter_groups as parameter_groups
from tangentlab.probes.predict_risk import predict_risk as predict_risk
from tangentlab.probes.pulled_target import PulledTarget as PulledTarget
from tangentlab.probes.smoothed_anisotropy import SmoothedAnisotropy as SmoothedAnisotropy
from tangentlab.probes.smoothed_anisotropy import smoothed_anisotropy as smoothed_anisotropy
from tangentlab.probes.spectrum import Spectrum as Spectrum
from tangentlab.probes.spectrum import spectrum as spectrum
from tangentlab.probes.steps_to_loss import StepsToLoss as StepsToLoss
from tangentlab.probes.steps_to_loss import steps_to_loss as steps_to_loss
from tangentlab.probes.target_energy import TargetEnergy as TargetEnergy
from tangentlab.probes.target_energy import energy_interval as energy_interval
from tangentlab.probes.target_energy import target_energy as target_energy
from tangentlab.probes.training_speed import TrainingSpeed as TrainingSpeed
from tangentlab.probes.training_speed import training_speed as training_speed

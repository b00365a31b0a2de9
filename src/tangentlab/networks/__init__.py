"""f(θ, x): networks bound to their parameters, and the architectures that come with the laboratory."""

from tangentlab.networks.network import Network as Network
from tangentlab.networks.parameter_space import ParameterSpace as ParameterSpace

"""f(θ, x): networks bound to their parameters, and the architectures that come with the laboratory."""

from tangentlab.networks.catalogue import NETWORKS as NETWORKS
from tangentlab.networks.catalogue import build_network as build_network
from tangentlab.networks.catalogue import split_network_names as split_network_names
from tangentlab.networks.inputs import count_rows as count_rows
from tangentlab.networks.inputs import take_rows as take_rows
from tangentlab.networks.network import Network as Network
from tangentlab.networks.parameter_space import ParameterSpace as ParameterSpace
from tangentlab.networks.safety import inspect_network as inspect_network
from tangentlab.networks.user_builder import call_builder as call_builder

"""J and f + Jδ: products with a network's Jacobian, its linearization, and its per-sample gradients."""

from tangentlab.tangent.jacobian import Jacobian as Jacobian
from tangentlab.tangent.jacobian import jacobian as jacobian
from tangentlab.tangent.linearize import LinearizedModule as LinearizedModule
from tangentlab.tangent.linearize import linearize as linearize
from tangentlab.tangent.smoothness import KinkWarning as KinkWarning
from tangentlab.tangent.smoothness import SteepWarning as SteepWarning

"""The workers of a Dask scheduler, and units of work that outlive the worker they run on."""

from tangentlab._cluster.cluster import Cluster as Cluster
from tangentlab._cluster.cluster import connected as connected
from tangentlab._cluster.dispatch import ATTEMPTS as ATTEMPTS
from tangentlab._cluster.dispatch import ENDED as ENDED
from tangentlab._cluster.dispatch import LOST as LOST
from tangentlab._cluster.dispatch import RETRIED as RETRIED
from tangentlab._cluster.dispatch import STARTED as STARTED
from tangentlab._cluster.waiting import Waiting as Waiting

"""What to learn: data with targets (groups of classes, all classes, random labels, synthetic parity,
eigenfunctions of a kernel, sets along one direction), each a function that returns one frozen, validated `Task`, and a
catalogue that builds them from a name.
"""

from tangentlab.tasks.anisotropy import anisotropy as anisotropy
from tangentlab.tasks.catalogue import TASKS as TASKS
from tangentlab.tasks.catalogue import USAGE as USAGE
from tangentlab.tasks.catalogue import make_task as make_task
from tangentlab.tasks.catalogue import make_tasks as make_tasks
from tangentlab.tasks.eigenfunction_task import eigenfunction as eigenfunction
from tangentlab.tasks.eigenfunction_task import eigenfunction_task as eigenfunction_task
from tangentlab.tasks.eigenfunctions import Eigenfunctions as Eigenfunctions
from tangentlab.tasks.eigenfunctions import UnbalancedTaskWarning as UnbalancedTaskWarning
from tangentlab.tasks.group import group as group
from tangentlab.tasks.grouping import read_groups as read_groups
from tangentlab.tasks.grouping import write_groups as write_groups
from tangentlab.tasks.multiclass import multiclass as multiclass
from tangentlab.tasks.parity import parity as parity
from tangentlab.tasks.random_labels import balanced_labels as balanced_labels
from tangentlab.tasks.random_labels import random_labels as random_labels
from tangentlab.tasks.task import Task as Task

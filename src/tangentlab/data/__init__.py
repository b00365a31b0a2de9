"""Labelled rows from anywhere: readers of one format a file, the order in which places are searched, the
catalogue of known data sets, and the stratified, nested samples that experiments draw from them.
"""

from tangentlab.data.adapters import from_dataset as from_dataset
from tangentlab.data.adapters import from_hf as from_hf
from tangentlab.data.adapters import from_torch as from_torch
from tangentlab.data.array_pickle import read_array_pickle as read_array_pickle
from tangentlab.data.arrays import read_arrays as read_arrays
from tangentlab.data.catalogue import DATA as DATA
from tangentlab.data.catalogue import Bundled as Bundled
from tangentlab.data.catalogue import Filed as Filed
from tangentlab.data.cifar import read_cifar_binary as read_cifar_binary
from tangentlab.data.cifar import read_cifar_folder as read_cifar_folder
from tangentlab.data.cifar import read_cifar_pickle as read_cifar_pickle
from tangentlab.data.data import Data as Data
from tangentlab.data.digits import read_digits as read_digits
from tangentlab.data.download import Download as Download
from tangentlab.data.download import fetch as fetch
from tangentlab.data.idx import read_idx as read_idx
from tangentlab.data.idx import read_idx_folder as read_idx_folder
from tangentlab.data.labels import encode_labels as encode_labels
from tangentlab.data.load import load as load
from tangentlab.data.locations import cache_folder as cache_folder
from tangentlab.data.locations import search_order as search_order
from tangentlab.data.normalization import Normalization as Normalization
from tangentlab.data.split import Split as Split
from tangentlab.data.split import split as split
from tangentlab.data.stratified import stratified as stratified
from tangentlab.data.stratified import stratified_order as stratified_order
from tangentlab.data.table import read_table as read_table

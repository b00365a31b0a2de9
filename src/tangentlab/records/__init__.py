"""What was found: immutable records in a folder that survives kills, full disks and flipped bits.

A record is the JSON of one unit of work; a store is the folder that holds them. Nothing here imports torch, and
nothing here knows what a reading means: it is written once, checked on every read, and never changed.
"""

from tangentlab.records.integrity import Damage as Damage
from tangentlab.records.names import expect_name as expect_name
from tangentlab.records.record import Record as Record
from tangentlab.records.store import Store as Store

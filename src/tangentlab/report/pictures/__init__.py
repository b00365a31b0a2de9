"""The pictures of the studies, each drawn from records alone."""

from tangentlab.report.pictures.catalogue import images_of as images_of
from tangentlab.report.pictures.catalogue import pictures_of as pictures_of

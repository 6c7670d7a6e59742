"""Defects: named ways in which the lab can be made to misbehave, to prove that a check can fail.

Most defects are a component writing the wrong thing; those are `rewrite` functions, which the API server applies just
before it stores an object, so that the components themselves stay free of them. What only a component can get wrong
asks `Defects.on`.
"""

from .catalogue import CATALOGUE, SUBJECTS, Defects, UnknownDefect
from .defect import Defect
from .write import Object, Write

__all__ = ["CATALOGUE", "SUBJECTS", "Defect", "Defects", "Object", "UnknownDefect", "Write"]

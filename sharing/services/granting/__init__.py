"""Deciding who may do what, and making AWS agree."""

from .shapes import Consequences, Covering, Plan, Problem, Restorable, Restored

__all__ = ["Consequences", "Covering", "Plan", "Problem", "Restorable", "Restored"]

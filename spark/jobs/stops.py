"""Why a run ends before its last job, each with a sentence for whoever started it."""

from __future__ import annotations


class PromotionStopped(RuntimeError):
    """Critical expectations failed: the layer above keeps what it has."""


class SchemaRefused(ValueError):
    """The declared type of a column is not the one the table has: only additions are made by themselves."""


class SourceMissing(ValueError):
    """An import was not told what to read."""


class TrainingRefused(ValueError):
    """The lake has too little to learn a model from, or MLflow keeps no run; the others are trained all the same."""


class DatabaseRefused(RuntimeError):
    """The SQL database cannot be reached, or refused a statement. The sentence has no value of the data in it."""

"""Stays in intensive care as the sepsis model reads them: from Observations to hours, and from hours to a risk."""

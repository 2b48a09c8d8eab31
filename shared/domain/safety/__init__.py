"""Adverse event reports: what a report must be to be taken, and what its codes and dates mean."""

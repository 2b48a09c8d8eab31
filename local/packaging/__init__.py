"""Packages for the clouds: what is in them, how they are built, and what they weigh."""

"""The services of Azure on this computer, by their own wire protocols."""

"""Run Galen on this computer: `python3 -m local`."""

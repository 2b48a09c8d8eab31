"""The columns of every table, by layer."""

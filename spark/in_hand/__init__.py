"""Frames that are walked through by DuckDB in this process: the part of Spark's DataFrame that the measures of gold use."""

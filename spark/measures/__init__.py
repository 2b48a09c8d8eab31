"""The arithmetic of the measures, each a pure function with its source: no Spark, no clock, no chance."""

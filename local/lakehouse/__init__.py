"""The Delta tables of the local lake without Spark: SQL over them, and statements that show them to other engines."""

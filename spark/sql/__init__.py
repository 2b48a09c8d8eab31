"""Tables of the lake in a SQL database, for tools that speak nothing else."""

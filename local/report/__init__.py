"""`local report`: one page of charts for each project, from gold, in one file that needs nothing else."""

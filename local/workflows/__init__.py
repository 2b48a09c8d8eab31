"""The job graph as the workflow of an orchestrator: text on standard output, made anew whenever the graph changes."""

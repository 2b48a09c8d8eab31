"""ViewDefinitions run over files: what `local view` reads, and how its rows are written."""

"""One use case per file, each a function or a small class that takes its ports."""

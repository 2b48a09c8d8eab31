"""The nouns of Galen on AWS; each takes typed arguments and registers its outputs."""

"""The nouns of Galen on Azure; each takes typed arguments and registers its outputs."""

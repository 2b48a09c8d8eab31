"""One component per noun; each takes typed arguments and registers its outputs."""

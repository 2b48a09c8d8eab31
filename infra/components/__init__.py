"""One component per noun and cloud."""

"""The two public data sets that the shipped models are trained on and judged by: reading them, scoring them."""

"""`local validate`: what is read, what is counted, and how it is shown."""

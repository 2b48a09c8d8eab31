"""From what arrived to the resources it holds: the raw line, and its expansion with final identities."""

"""A stand-in for Lambda and what drives its functions: the same handlers, called with the same events by the same rules."""

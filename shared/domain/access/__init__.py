"""Who may do what: scopes, callers, and the strict form of tokens and keys."""

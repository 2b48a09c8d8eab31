"""One protocol per thing outside: what the services ask of it, and what it promises."""

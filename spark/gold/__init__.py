"""Gold: the measures, each a declared table and a function from frames to a frame, its definition in words beside it."""

"""The silver tables without Java: the same declarations and views by the Python engine, written by deltalake."""

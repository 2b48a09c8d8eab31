"""A view as Spark SQL: paths over a parsed struct, rows as arrays of structs, no Python in the workers."""

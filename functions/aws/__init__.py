"""Lambda handlers, one module per package: the module and the name of a handler are what the stack calls it by."""

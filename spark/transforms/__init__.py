"""From rows to rows: each file one step, without reading or writing a table."""

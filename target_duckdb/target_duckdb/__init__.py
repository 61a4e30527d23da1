"""A Singer target that loads any tap into a DuckDB file."""

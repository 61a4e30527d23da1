"""Measures the tap, and what people would use instead, on the same accounts."""

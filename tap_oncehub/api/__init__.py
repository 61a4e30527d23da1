"""One conversation with the OnceHub API."""

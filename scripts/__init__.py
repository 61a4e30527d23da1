"""What `make` runs beside Meltano: small programs for a person's terminal."""

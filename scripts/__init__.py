"""What `make run` needs beside Meltano: small programs for a person's terminal."""

"""Lists behind a cursor and a rate limit, read so that nothing is lost; knows no API."""

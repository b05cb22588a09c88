"""The server between camera processors and the people who watch through them."""

"""The only folder that touches sockets and HTTP: the door, the two engines behind it, and the web application."""

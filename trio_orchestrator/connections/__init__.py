"""One connection's life on Trio: what it says, what it is told, and what all are told at once."""

"""The steps, oldest first; each is told apart by its `revision` and names the one before."""

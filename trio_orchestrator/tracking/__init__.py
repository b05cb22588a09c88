"""The decisions: who is connected, what is tracked, what each message does. Plain synchronous Python, no I/O."""

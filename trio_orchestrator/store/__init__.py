"""What is kept: objects and sightings in a database, written off the event loop in batches.

hub ──Journal──▶ Notes ─┐
                        ├─▶ Recorder ──a thread──▶ Database.apply ──▶ one transaction
session ──commit────────┘
http ────────────────────▶ Reader ────threads────▶ Database.timeline, …
"""

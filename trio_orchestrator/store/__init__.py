"""What is kept: objects and sightings in a database, written off the event loop in batches.

hub ──Journal──▶ Notes ─┐
                        ├─▶ Recorder ──a thread──▶ Database.apply ──▶ one transaction
session ──commit────────┘
http ────────────────────▶ Reader ────threads────▶ Database.timeline, …

Below them `dialects` knows what SQLite and PostgreSQL do in their own way, and `migrations` brings old databases up to
today's `schema`.
"""

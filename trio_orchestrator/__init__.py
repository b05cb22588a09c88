"""The server between camera processors and the people who watch through them.

Two kinds of peer hold a WebSocket open: *processors*, one a camera, say what they see; *clients*, the operators'
interfaces, watch. A client has a box *tracked*: from then on it is an *object* with an id, the camera's processor is
told to find it and says what it looks like (its *feature map*), and every camera that recognizes it marks its box.

    processor ─▶ front door ─▶ websocket ─▶ session ─▶ hub ─┬─▶ broadcast ─▶ outbox ─▶ every client
    client ────▶     │                         ▲            ├─▶ outbox ─────────────▶ one peer
                     │                         │            ├─▶ supervisor: one deadline a live object
    curl ──────▶     └────▶ http ─▶ reader     └─ Pending ──┼─▶ recorder ─▶ database
                                      ▲                     └─▶ journal: sightings, feature maps, ends ─▶ recorder
                                      └────────────────────────────────────────────────── database

A *session* is one connection: it understands what its peer says and keeps it to the rules. The *hub* decides, at once
and without I/O. What it decides leaves through the peer's *outbox*, through the *broadcast* (boxes, which all clients
get), or as a *Pending* change that takes effect once it is on disk. A box with the id of a tracked object is a
*sighting*; the *recorder* keeps one row of them an object, camera and second, and an object's rows are its *timeline*.

Start reading at `tracking.hub` for what is decided, at `server` for how it is put together; docs/architecture.md walks
through the house. `client` is the SDK for both kinds of peer, `replay` plays recorded cameras through it.
"""

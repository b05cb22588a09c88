"""The archive over HTTP: what was tracked, where it was, who asked, and how to erase it (docs/http-api.md).

`operations` lists what can be asked; the routes and the OpenAPI document are both made of that list. A request goes
through `access` (who may), `parameters` (what is asked), a handler (`objects`, `sightings`, `others`) that asks the
store, and `rendering` (JSON or CSV, streamed piece by piece where it may be long). What goes wrong is one of `errors`.
"""

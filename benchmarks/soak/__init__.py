"""A day of work in minutes: `python -m benchmarks.soak --minutes 10`.

Churn of everything at once against one server, for as long as it is told, held against a model that knows what every
peer should have received.

    run        the command: starts the server, lets everybody in, tells what came of it
    model      what must be true of what was heard
    peers      cameras that come back, watchers that stay, operators that start and stop
    strangers  those who flood, do not read, or get lost at every stage
    sampling   what the server says of itself, once a second
    trends     whether any of that grows
    plot       the same over time, as SVG; needs matplotlib (extra `bench`)
"""

#!/bin/sh
# Docker lets any user open low ports. Where nothing does, `python-low-ports` may: a copy of Python with that one
# capability. Where capabilities are dropped it does not even start, and plain Python serves on a port from 1024 up.
for python in python-low-ports python; do
    if "$python" -c pass 2>/dev/null; then
        exec "$python" -m trio_orchestrator "$@"
    fi
done
echo "no Python in this image starts" >&2
exit 1

# docker build -t trio-orchestrator . && docker run -p 80:80 trio-orchestrator

FROM python:3.13-slim AS build
# What compiles; the headers for where the base image's Python is Debian's own.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev
WORKDIR /src
RUN python -m venv /opt/orchestrator
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY pyproject.toml hatch_build.py requirements-dev.lock README.md LICENSE ./
COPY trio_orchestrator ./trio_orchestrator
# The lock names more than is installed: it only says which version of what is needed. What is compiled may be missing
# elsewhere, but not here.
RUN /opt/orchestrator/bin/pip install --constraint requirements-dev.lock '.[postgres]' \
    && /opt/orchestrator/bin/python -I -c 'import trio_orchestrator.protocol.speedups' \
    && /opt/orchestrator/bin/pip uninstall --yes --quiet pip

FROM python:3.13-slim
COPY --from=build /opt/orchestrator /opt/orchestrator
COPY --chmod=0755 docker-entrypoint.sh /opt/orchestrator/bin/
# The copy of Python that may open ports 80 and 443 as any user (capabilities(7): version 2, effective, bit 10), and
# the folder of the database. Numbers, so that a cluster can see that it is not root.
RUN cp -L /opt/orchestrator/bin/python /opt/orchestrator/bin/python-low-ports \
    && /opt/orchestrator/bin/python -c "import os, struct; os.setxattr('/opt/orchestrator/bin/python-low-ports', \
        'security.capability', struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0))" \
    && install -d -o 10001 -g 10001 -m 0750 /data
USER 10001:10001
WORKDIR /data
ENV PATH=/opt/orchestrator/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/orchestrator.db
VOLUME /data
EXPOSE 80 443
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-m", "trio_orchestrator.health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["docker-entrypoint.sh"]

# One image for every process; the command says which one it is.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /app
RUN python -m venv /opt/bellwork
COPY requirements-runtime.lock ./
RUN /opt/bellwork/bin/pip install --require-hashes --requirement requirements-runtime.lock
COPY . .
RUN /opt/bellwork/bin/pip install --no-deps --no-build-isolation --editable . \
 && /opt/bellwork/bin/python -m compileall -q api tasks scheduler models cli

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data bellwork \
 && install --directory --owner bellwork --group bellwork /data
COPY --from=build /opt/bellwork /opt/bellwork
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/bellwork/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BELLWORK_ENV=production \
    BELLWORK_API_HOST=0.0.0.0 \
    BELLWORK_API_PORT=8000 \
    BELLWORK_FLOWER_HOST=0.0.0.0 \
    BELLWORK_FILES_URL=file:/data/files
USER bellwork
VOLUME /data
EXPOSE 8000 5555
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ[\"BELLWORK_API_PORT\"]}/health/live', timeout=4)"]
CMD ["python", "-m", "api"]

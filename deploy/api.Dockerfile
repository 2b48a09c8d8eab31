# The HTTP API and its models, without the triggers: for Kubernetes, and as the inference container of a stack.
# Build from the checkout: docker build -f deploy/api.Dockerfile --build-arg BASE=python:3.12-slim@sha256:… \
#   --build-arg ADAPTER=public.ecr.aws/awsguru/aws-lambda-adapter:0.9.1@sha256:… -t galen/inference:1 .
# Both are named by their digests, for the tag alone is somebody else's to move: without one nothing is built.
ARG BASE
# Lambda asks a function for its next event; this extension asks instead, and calls the server. Elsewhere nothing runs it.
ARG ADAPTER

FROM ${BASE} AS dependencies
ARG BASE
ARG ADAPTER
RUN for image in "$BASE" "$ADAPTER"; do \
      case "$image" in *@sha256:????????????????????????????????????????????????????????????????) ;; \
        *) echo "BASE and ADAPTER are images by digest, NAME@sha256:…, not '$image'" >&2; exit 1;; esac; done
COPY requirements.txt requirements/local.txt requirements/lambda.txt /locks/
RUN python -m pip install --no-cache-dir --require-hashes --only-binary :all: --target /site \
      -r /locks/requirements.txt -r /locks/local.txt -r /locks/lambda.txt

FROM ${ADAPTER} AS adapter

FROM ${BASE}
WORKDIR /app
COPY --from=dependencies /site /site
COPY --from=adapter /lambda-adapter /opt/extensions/lambda-adapter
COPY functions/__init__.py functions/server.py functions/
COPY functions/api functions/api
COPY shared shared
ENV PYTHONPATH=/app:/site PYTHONUNBUFFERED=1 AWS_LWA_PORT=8080 AWS_LWA_READINESS_CHECK_PATH=/fhir/metadata
# Bytecode is written now: at run time the file system is read-only.
RUN python -m compileall -q /app /site \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin galen
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["python", "-m", "uvicorn", "--factory", "functions.server:create", "--host", "0.0.0.0", "--port", "8080", "--no-access-log", "--no-server-header", "--limit-concurrency", "1000"]

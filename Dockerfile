# The image of every service of ours: `credit-monitor` with the hot modules compiled, run by nobody in particular.
# Packages come from whatever index pip is configured with; the lock says exactly which, by their hashes.

FROM python:3.11.14-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /opt/credit-monitor
ENV PATH=/opt/credit-monitor/bin:$PATH
COPY requirements.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY config ./config
COPY detectors ./detectors
COPY models ./models
COPY monitor ./monitor
RUN HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 hatchling build --target wheel --directory dist \
    && pip install --no-deps --no-index dist/*.whl

FROM python:3.11.14-slim-bookworm
# Folders that volumes are mounted on take their mode from here: whoever the containers run as may write in them.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/credit-monitor credit-monitor \
    && install --directory --mode=0755 /var/lib/credit-monitor \
    && install --directory --mode=1777 /var/lib/credit-monitor/snapshots /var/lib/credit-monitor/produce \
        /var/lib/credit-monitor/tokens
COPY --from=build /opt/credit-monitor /opt/credit-monitor
ENV PATH=/opt/credit-monitor/bin:$PATH \
    HOME=/var/lib/credit-monitor \
    LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CREDIT_MONITOR_HOME=/var/lib/credit-monitor
WORKDIR /var/lib/credit-monitor
USER 10001:10001
EXPOSE 8321 8322
# Of a worker; the page has its own in docker-compose.yml.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8322/health', timeout=4)"]
ENTRYPOINT ["credit-monitor"]
CMD ["worker"]

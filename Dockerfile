# One image for every role; the command says which: engine, scheduler, sync, api, worker, or `up` for all in one.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
RUN python3 -m venv /opt/chronoverse
COPY requirements.txt ./
RUN /opt/chronoverse/bin/python -m pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN /opt/chronoverse/bin/python -m pip install --no-cache-dir --no-deps .

FROM ${BASE}
RUN useradd --uid 10001 --user-group --create-home --home-dir /var/lib/chronoverse --shell /usr/sbin/nologin chronoverse \
    && install --directory --owner 10001 --group 10001 /var/lib/chronoverse/state /var/lib/chronoverse/artifacts \
        /run/chronoverse/engine /run/chronoverse/broker /run/chronoverse/postgres /run/chronoverse/rabbitmq /run/chronoverse/admin
COPY --from=build /opt/chronoverse /opt/chronoverse
ENV PATH=/opt/chronoverse/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CHRONOVERSE_STATE_DIR=/var/lib/chronoverse/state \
    CHRONOVERSE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/chronoverse
ENTRYPOINT ["chronoverse"]
CMD ["--help"]

# An image that runs the pipeline: docs/operations.md says how.
FROM python:3.13-slim-bookworm

# Such as "target-postgres dbt-postgres".
ARG MORE_PLUGINS=""
ENV PATH=/opt/meltano/bin:/usr/local/bin:/usr/sbin:/usr/bin:/bin

WORKDIR /project
COPY requirements/meltano.txt requirements/
RUN python3 -m venv /opt/meltano && \
    pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/meltano.txt
COPY . .
# dev.txt pins, with hashes, what the tap and target-duckdb need.
RUN UV_CONSTRAINT=requirements/dev.txt UV_BUILD_CONSTRAINT=requirements/dev.txt UV_NO_CACHE=1 \
    meltano --log-level=warning install tap-oncehub target-duckdb
RUN if [ -n "$MORE_PLUGINS" ]; then \
    UV_NO_CACHE=1 meltano --log-level=warning install $MORE_PLUGINS; fi
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin oncehub && \
    mkdir -p /state output && \
    chown -R oncehub /state output .meltano

# What is written elsewhere lasts no longer than the container. There is no home: the request log
# of the tap and Meltano's logs are in XDG_STATE_HOME.
VOLUME ["/state", "/project/output"]
ENV XDG_STATE_HOME=/state MELTANO_STATE_BACKEND_URI=file:///state/bookmarks
USER oncehub
# There must be one container at a time. Without --force Meltano would take a run that was killed
# to be still in progress, for five minutes.
ENTRYPOINT ["meltano", "run", "--force"]
CMD ["tap-oncehub", "target-duckdb"]

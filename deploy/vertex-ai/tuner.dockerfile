# The trainer's image with tune.py in front of it, for hyperparameter tuning jobs of Vertex AI.
ARG TRAINER=trainer
FROM ${TRAINER} AS trainer

FROM docker.io/library/debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libstdc++6 python3 && rm -rf /var/lib/apt/lists/*
COPY --from=trainer /opt/bcs/ /opt/bcs/
COPY --from=trainer /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --chmod=755 tune.py /opt/bcs/bin/tune
ENV PATH=/opt/bcs/bin:/usr/bin:/bin HOME=/work
WORKDIR /work
RUN chown 65532:65532 /work
USER 65532:65532
HEALTHCHECK NONE
ENTRYPOINT ["tune"]

# Noisescope in a container, and in a Hugging Face Docker Space. How to run it: docs/deploy.md.
FROM python:3.11-slim

WORKDIR /noisescope

# What it needs first: a change of the code alone keeps this layer.
COPY install.py requirements.txt constraints.txt ./
RUN python install.py --no-cache-dir -r requirements.txt

# Root owns the code, and who serves it writes in /data and /tmp alone.
COPY . .
RUN python -m compileall -q app core pages \
    && useradd --uid 1000 --no-create-home noisescope \
    && mkdir -p /data/runs \
    && chown -R noisescope /data

ENV PYTHONUNBUFFERED=1 HOME=/tmp NOISESCOPE_DATA=/data NOISESCOPE_RUNS=/data/runs PORT=7860
USER 1000
VOLUME /data
EXPOSE 7860

HEALTHCHECK --start-period=60s --timeout=5s CMD ["sh", "-c", "exec python -c \"import urllib.request as r; r.urlopen('http://127.0.0.1:$PORT/_stcore/health')\""]

# For all who reach the container; who is to change something needs the token that is printed here, or $NOISESCOPE_TOKEN.
CMD ["sh", "-c", "exec python -m app --host 0.0.0.0 --port \"$PORT\""]

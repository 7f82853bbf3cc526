# HotelChat in a container: the web app (`main.py`), or with another command the workers (`main.py worker`).
# Settings come from the environment: docs/settings.md.

FROM python:3.11-slim AS libraries
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.lock .
RUN /opt/venv/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOTELCHAT_ENV=production
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin hotelchat
COPY --from=libraries /opt/venv /opt/venv
WORKDIR /app
COPY . .
# Only for embedded servers; with DATABASE_URL and REDIS_URL given, nothing is written here.
RUN mkdir .hotelchat && chown hotelchat .hotelchat && python -m compileall -q main.py hotelchat pages jobs
USER hotelchat
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8080}/healthz', timeout=2)"]
CMD ["python", "main.py"]

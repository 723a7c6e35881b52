"""A service in Python that registers itself in etcd, with nothing but the standard library: etcd's JSON gateway.

    python3 register.py http://127.0.0.1:2379 shop 127.0.0.1:9002

The instance is there while the lease is kept alive. At the end it is drained for a moment and then taken away.
"""

import base64
import json
import signal
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TTL_SECONDS = 10
# Until all Envoys know; `fairway register` waits for exactly that, and not for a time.
DRAIN_SECONDS = 2

etcd, service, address = sys.argv[1:4]
key = f"/services/{service}/{address}"
ending = threading.Event()


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"hello from Python\n"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ask(path, body):
    data = json.dumps(body).encode()
    with urllib.request.urlopen(etcd + path, data=data, timeout=3) as answer:
        return json.load(answer)


def put(lease, instance):
    encode = lambda text: base64.b64encode(text.encode()).decode()
    ask("/v3/kv/put", {"key": encode(key), "value": encode(json.dumps(instance)), "lease": lease})


def keep_registered():
    """Grants a lease, writes the key, and keeps both alive; whatever fails is tried again."""
    instance = {"address": address, "labels": {"version": "v1"}}
    lease = None
    again, told = "", None
    while not ending.is_set():
        try:
            if lease is None:
                lease = ask("/v3/lease/grant", {"TTL": TTL_SECONDS})["ID"]
                put(lease, instance)
                print(f"registered {key}{again}", flush=True)
                again = " again"
            # etcd leaves a 0 out: there is no such lease any more.
            elif "TTL" not in ask("/v3/lease/keepalive", {"ID": lease})["result"]:
                lease = None
                continue
            told = None
            ending.wait(TTL_SECONDS / 3)
        except (OSError, ValueError) as cause:
            # Once for each outage, and not for each try.
            if str(cause) != told:
                print(f"etcd: {cause}; it is tried again until it answers", file=sys.stderr, flush=True)
            told = str(cause)
            ending.wait(1)
    if lease is None:
        return
    try:
        put(lease, {**instance, "draining": True})
        print(f"{key} drains for {DRAIN_SECONDS} s", flush=True)
        threading.Event().wait(DRAIN_SECONDS)
        ask("/v3/lease/revoke", {"ID": lease})
    except (OSError, ValueError) as cause:
        print(f"etcd: {cause}; the key goes with its lease", file=sys.stderr, flush=True)


host, port = address.rsplit(":", 1)
try:
    server = ThreadingHTTPServer((host, int(port)), Hello)
except OSError as cause:
    sys.exit(f"cannot serve on {address}: {cause}")
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: ending.set())
try:
    keep_registered()
finally:
    server.shutdown()

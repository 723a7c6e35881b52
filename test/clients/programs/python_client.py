"""A gRPC client in Python that finds its backends by xDS: grpcio, which is gRPC's C-core.

    GRPC_XDS_BOOTSTRAP=bootstrap.json python python_client.py xds:///orders

It takes commands line by line and answers each with a line of JSON; ../grpc-client.ts has the words. It ends
with its standard input, so that it never outlives who started it.
"""

import collections
import json
import sys
import threading
import time

import grpc

# Far beyond what a call on this machine takes; one that hangs is a failure.
DEADLINE_S = 15
# How many calls of the load are under way.
CONCURRENCY = 4
# Between two calls of a loop: enough to leave the machine to the others.
PAUSE_S = 0.004


class Counts:
    def __init__(self):
        self.answers = collections.Counter()
        self.failures = []
        self.lock = threading.Lock()

    def line(self):
        return json.dumps({"answers": self.answers, "failures": self.failures})


class Load:
    def __init__(self, once):
        self.counts = Counts()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.loop, args=(once,), daemon=True) for _ in range(CONCURRENCY)]
        for thread in self.threads:
            thread.start()

    def loop(self, once):
        while not self.stopped.is_set():
            once(self.counts)
            time.sleep(PAUSE_S)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        return self.counts


def main():
    load = None
    with grpc.insecure_channel(sys.argv[1]) as channel:

        def caller(command):
            ask = channel.unary_unary(command["method"])
            metadata = tuple(command.get("headers", {}).items())

            def once(counts):
                try:
                    label = ask(b"", timeout=DEADLINE_S, metadata=metadata).decode()
                    with counts.lock:
                        counts.answers[label] += 1
                except grpc.RpcError as error:
                    with counts.lock:
                        counts.failures.append(f"{error.code().name}: {error.details()}")

            return once

        for line in sys.stdin:
            command = json.loads(line)
            counts = Counts()
            if command["command"] == "call":
                once = caller(command)
                for _ in range(command["count"]):
                    once(counts)
            elif command["command"] == "start":
                load = Load(caller(command))
            elif load is not None:
                counts = load.stop()
            print(counts.line(), flush=True)


main()

#!/usr/bin/env node
/**
 * The `fairway` command. An old Node gets one clear sentence instead of a stack trace from somewhere inside,
 * so everything else is imported only after that.
 */

/** Older versions lack functions that are used here, and fixes of Node's HTTP/2 that a server needs. */
const NODE_MIN = [24, 18, 1];

const own = process.versions.node.split(".").map(Number);
const difference = NODE_MIN.map((part, index) => (own[index] ?? 0) - part).find((part) => part !== 0) ?? 0;
if (difference < 0) {
  process.stderr.write(`fairway needs Node ${NODE_MIN.join(".")} or newer; this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  // Node deprecates TLS to an IP address (DEP0123), which is how grpc-js reaches an etcd: nobody who reads it can do
  // anything about it. All other warnings of Node are told as it tells them.
  const tellAsNodeDoes = process.listeners("warning");
  process.removeAllListeners("warning");
  process.on("warning", (warning) => {
    if ("code" in warning && warning.code === "DEP0123") return;
    for (const tell of tellAsNodeDoes) tell(warning);
  });
  await import("./program.ts");
}

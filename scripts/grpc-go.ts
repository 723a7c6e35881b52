/**
 * `npm run test:grpc-go`: the tests with real gRPC clients, with grpc-go among them.
 *
 * It needs Go, which the gate does not: it builds the client of `test/clients/programs/go` into `.cache/` and runs
 * the tests with its path in FAIRWAY_GRPC_GO. Arguments go to vitest.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { binDir, root } from "./project.mjs";

const source = join(root, "test", "clients", "programs", "go");
const program = join(root, ".cache", "grpc-go-client");

function main(args: readonly string[]): number {
  const version = spawnSync("go", ["version"], { encoding: "utf8" });
  if (version.status !== 0) {
    process.stderr.write("npm run test:grpc-go needs Go 1.26 or newer, as `go` on PATH: https://go.dev/dl\n");
    return 1;
  }
  process.stdout.write(`${version.stdout.trim()}: building the client; the first time takes a minute\n`);
  const built = spawnSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
  if (built.status !== 0) return 1;
  const env = { ...process.env, FAIRWAY_GRPC_GO: program };
  const tests = spawnSync(join(binDir, "vitest"), ["run", "test/clients", ...args], {
    cwd: root,
    stdio: "inherit",
    env,
  });
  return tests.status ?? 1;
}

process.exitCode = main(process.argv.slice(2));

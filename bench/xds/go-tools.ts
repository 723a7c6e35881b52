/**
 * The Go programs of the comparison, built once into `.cache/`: the peer, and the load client.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const modulePath = join(root, "bench", "peers");
const builtPath = join(root, ".cache", "bench-xds");

/** What was built, and of what. */
export interface GoTools {
  readonly peerPath: string;
  readonly clientPath: string;
  /** Such as "go1.26.0". */
  readonly go: string;
  /** Versions by the last part of a module's path. */
  readonly modules: { readonly goControlPlane: string; readonly grpcGo: string };
}

/** Builds what is not built yet; throws, with the way out, when Go is missing or too old. */
export function buildGoTools(say: (text: string) => void): GoTools {
  const goMod = readFileSync(join(modulePath, "go.mod"), "utf8");
  const go = requireGo(/^go (\S+)$/m.exec(goMod)?.[1] ?? "");
  say("building the peer and the load client, which takes a minute the first time");
  mkdirSync(builtPath, { recursive: true });
  runGo(["build", "-o", `${builtPath}/`, "./go-control-plane", "./load-client"]);
  const versionOf = (path: string) => new RegExp(`^\\t${path} (\\S+)`, "m").exec(goMod)?.[1] ?? "unknown";
  return {
    peerPath: join(builtPath, "go-control-plane"),
    clientPath: join(builtPath, "load-client"),
    go,
    modules: {
      goControlPlane: versionOf("github.com/envoyproxy/go-control-plane"),
      grpcGo: versionOf("google.golang.org/grpc"),
    },
  };
}

/** Checks and tests the Go code; throws when something is wrong with it. */
export function testGoTools(): void {
  runGo(["vet", "./..."]);
  runGo(["test", "./..."]);
}

/** Compares versions such as "1.26.1" number by number. */
export function isAtLeast(version: string, least: string): boolean {
  const parts = version.split(".").map(Number);
  const wanted = least.split(".").map(Number);
  const at = wanted.findIndex((number, index) => (parts[index] ?? 0) !== number);
  return at === -1 || (parts[at] ?? 0) > (wanted[at] ?? 0);
}

function requireGo(least: string): string {
  const { status, stdout } = spawnSync("go", ["env", "GOVERSION"], { encoding: "utf8", env: goEnv() });
  const version = status === 0 ? stdout.trim() : "";
  if (isAtLeast(version.replace(/^go/, ""), least)) return version;
  const found = version === "" ? "there is none on the PATH" : `this is ${version}`;
  throw new Error(
    `the comparison needs Go ${least} or newer, and ${found}; install it from your distribution or from the Go project's download page, or run \`npm run bench\`, which needs none`,
  );
}

function runGo(args: readonly string[]): void {
  const { status, error } = spawnSync("go", [...args], {
    cwd: modulePath,
    env: goEnv(),
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`go ${args.join(" ")} failed`);
}

/** The Go that is installed and this module alone, whatever the user has set. */
function goEnv(): NodeJS.ProcessEnv {
  return { ...process.env, GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "-buildvcs=false" };
}

/**
 * A real Envoy with a configuration that is written down, without a control plane: the minimal one, and the backends.
 */
import { readFileSync } from "node:fs";
import { Child } from "../../demo/kit/child.ts";
import { envoyBinary } from "../../demo/kit/envoy-binary.ts";
import { ask } from "../../demo/kit/get.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { StopWaiting, waitUntil } from "../../demo/kit/wait-until.ts";

const MINIMAL = new URL("./minimal.yaml", import.meta.url);

/** One running Envoy. */
export class StaticEnvoy implements AsyncDisposable {
  readonly #child: Child;

  private constructor(child: Child) {
    this.#child = child;
  }

  /** Starts with this configuration, as YAML or JSON, and one worker thread; returns when it takes traffic. */
  static async start(name: string, config: string, adminPort: number): Promise<StaticEnvoy> {
    const child = await Child.start({
      name: `envoy ${name}`,
      command: await envoyBinary(),
      args: ["--config-yaml", config, "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"],
    });
    const look = async () => {
      if (child.exit !== undefined) throw new StopWaiting("it has ended");
      return (await ask(adminPort, "/ready")).status === 200;
    };
    try {
      await waitUntil(look, { what: "an Envoy that is ready", timeoutMs: 20_000 });
    } catch (cause) {
      const failure = child.failure("did not become ready", cause);
      await child.close(0);
      throw failure;
    }
    return new StaticEnvoy(child);
  }

  /** The one of `minimal.yaml`. */
  static async startMinimal(ports: { readonly listener: number; readonly backend: number }): Promise<StaticEnvoy> {
    const adminPort = await freePort();
    const config = readFileSync(MINIMAL, "utf8")
      .replace("ADMIN_PORT", String(adminPort))
      .replace("LISTENER_PORT", String(ports.listener))
      .replace("BACKEND_PORT", String(ports.backend));
    return StaticEnvoy.start("minimal", config, adminPort);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.close(3_000);
  }
}

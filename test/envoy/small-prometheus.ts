/**
 * As much of a Prometheus as a test needs: it scrapes the admin page of Envoys and answers instant queries of the form
 * `sum by (instance) (name{label="…",label=~"…"})`, with `min` and `timestamp(…)` as well.
 *
 * What it was last given stays, as in a Prometheus for some minutes, so a scrape that stops is seen by its time only.
 */
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ask } from "../../demo/kit/get.ts";

const SCRAPE_EACH_MS = 500;

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly value: number;
  readonly atMs: number;
}

/** How it is: well, or ill in one of the ways that a server can be. */
export type Condition = "well" | "fails" | "hangs" | "says nonsense" | "scrapes no more";

export class SmallPrometheus {
  condition: Condition = "well";
  /** The only `authorization` that it takes; absent when it takes all. */
  authorization: string | undefined;
  readonly #server: Server;
  readonly #targets = new Map<string, readonly Sample[]>();
  readonly #ports: number[];
  readonly #timer: NodeJS.Timeout;
  #scraping: Promise<void> | undefined;

  private constructor(ports: readonly number[]) {
    this.#ports = [...ports];
    this.#server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
      const { authorization = request.headers.authorization } = this;
      if (request.headers.authorization !== authorization) response.writeHead(401).end("Unauthorized\n");
      else if (request.method !== "GET" || pathname !== "/api/v1/query") response.writeHead(404).end();
      else this.#answer(searchParams.get("query") ?? "", response);
    });
    this.#timer = setInterval(() => {
      if (this.condition !== "scrapes no more")
        this.#scraping ??= this.#scrape().finally(() => (this.#scraping = undefined));
    }, SCRAPE_EACH_MS);
  }

  /** Scrapes the Envoys with these admin ports. */
  static async start(ports: readonly number[]): Promise<SmallPrometheus> {
    const prometheus = new SmallPrometheus(ports);
    await new Promise<void>((resolve) => void prometheus.#server.listen(0, "127.0.0.1", resolve));
    return prometheus;
  }

  /** And this one from now on. */
  alsoScrape(port: number): void {
    this.#ports.push(port);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#server.closeAllConnections();
    await this.#scraping;
    await new Promise((resolve) => void this.#server.close(resolve));
  }

  async #scrape(): Promise<void> {
    for (const port of this.#ports) {
      const atMs = Date.now();
      const instance = `127.0.0.1:${port}`;
      const page = await ask(port, "/stats/prometheus").catch(() => undefined);
      if (page?.status !== 200) this.#targets.delete(instance);
      else this.#targets.set(instance, samplesOf(page.text, { instance, atMs }));
    }
  }

  #answer(query: string, response: ServerResponse): void {
    if (this.condition === "hangs") return;
    if (this.condition === "fails") return void response.writeHead(500).end("out of memory");
    if (this.condition === "says nonsense") return void response.end("<html><title>Log in</title></html>");
    const found = evaluate(query, [...this.#targets.values()].flat());
    const result = [...found].map(([instance, value]) => ({ metric: { instance }, value: [0, String(value)] }));
    response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result } }));
  }
}

function samplesOf(page: string, { instance, atMs }: { readonly instance: string; readonly atMs: number }): Sample[] {
  return page.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    return [{ name, labels: { ...labelsOf(labels), instance }, value: Number(value), atMs }];
  });
}

function labelsOf(text: string): Labels {
  const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

const FORM = /^(sum|min) by \(instance\) \((timestamp\()?(\w+)\{(.*)\}\)?\)$/;

function evaluate(query: string, samples: readonly Sample[]): ReadonlyMap<string, number> {
  const [, by, isTime, name, matchers = ""] = FORM.exec(query) ?? [];
  if (name === undefined) throw new Error(`it does not understand ${query}`);
  const all = [...matchers.matchAll(/(\w+)(=~?)"([^"]*)"/g)].map(([, label = "", sign, text = ""]) => {
    const pattern = sign === "=~" ? new RegExp(`^(?:${text})$`) : undefined;
    return (labels: Labels) => (pattern === undefined ? labels[label] === text : pattern.test(labels[label] ?? ""));
  });
  const found = new Map<string, number>();
  for (const each of samples) {
    if (each.name !== name || !all.every((matches) => matches(each.labels))) continue;
    const instance = each.labels["instance"] ?? "";
    const value = isTime === undefined ? each.value : each.atMs / 1_000;
    const before = found.get(instance);
    found.set(instance, before === undefined ? value : by === "sum" ? before + value : Math.min(before, value));
  }
  return found;
}

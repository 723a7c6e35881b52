/**
 * Config files that somebody edits at random: names appear, go, move between files, clash, and files break
 * and are repaired.
 *
 * The names are few, so that most edits matter to other files.
 */
import type { Random } from "../support/random.ts";

type Sections = Record<string, Record<string, unknown>>;

interface EditedFile {
  readonly maps: Sections;
  readonly lists: Record<string, unknown[]>;
  readonly commentLines: number;
  readonly isBroken: boolean;
}

/** The files by path; immutable. */
export type EditedFiles = ReadonlyMap<string, EditedFile>;

const paths = ["a.yaml", "b.yaml", "c.yaml", "deeper/d.yaml", "e.json"];
const services = ["s0", "s1", "s2", "s3", "s4", "s5"];
const hostnames = ["one.example", "two.example", "*.three.example", "a.three.example"];

const starters: Readonly<Record<string, (random: Random) => readonly [string, unknown]>> = {
  nodes: (random) => [
    random.pick(["inner", "outer"]),
    {
      match: { cluster: random.pick(["x", "y"]) },
      ...maybe(random, { services: [random.pick(services)] }),
      ...maybe(random, { updates: { grace: "40s" }, consistency: "warn" }),
    },
  ],
  gateways: (random) => [
    random.pick(["edge", "inside"]),
    {
      listeners: [
        { name: "http", port: random.pick([10_000, 10_001]) },
        ...(random.chance(0.3)
          ? [{ name: "alt", port: random.pick([10_002, 10_003]), hostnames: ["*.three.example"] }]
          : []),
      ],
      ...maybe(random, { nodes: [random.pick(["inner", "outer"])] }, 0.1),
      ...maybe(random, { policies: [random.pick(["slow", "fast"])] }),
    },
  ],
  services: (random) => [
    random.pick(services),
    {
      endpoints: [
        { address: `127.0.0.1:${1 + random.int(5)}`, labels: { version: "v1" } },
        { address: `127.0.0.2:${1 + random.int(5)}`, labels: { version: "v2" } },
      ],
      ...maybe(random, { subsets: { v1: { labels: { version: "v1" } } } }),
      ...maybe(random, { circuitBreaker: { maxRequests: random.int(4) } }),
      ...maybe(random, { outlierDetection: { consecutive5xx: 3 } }),
    },
  ],
  routes: (random) => [
    random.pick(["r0", "r1", "r2", "r3", "r4"]),
    {
      ...maybe(random, { gateways: [random.pick(["edge", "inside", "edge/http"])] }, 0.3),
      ...maybe(random, { hostnames: [random.pick(hostnames), ...(random.chance(0.2) ? ["Five.example"] : [])] }, 0.8),
      ...maybe(random, { policies: [random.pick(["slow", "fast"])] }, 0.2),
      rules: Array.from({ length: 1 + random.int(2) }, (_, index) => rule(random, index)),
    },
  ],
  splits: (random) => [
    random.pick(["half", "most"]),
    {
      backends: { a: { service: random.pick(services) }, b: { service: random.pick(services) } },
      default: { a: 1 + random.int(5), b: 1 + random.int(5) },
    },
  ],
  policies: (random) => [
    random.pick(["slow", "fast"]),
    {
      timeouts: { request: `${1 + random.int(50)}s` },
      ...maybe(random, { retry: { attempts: 2, perTryTimeout: "20s" } }),
    },
  ],
};

const listed: Readonly<Record<string, (random: Random) => unknown>> = {
  patches: (random) => ({
    target: { type: "Cluster", name: random.pick([...services, "*"]) },
    merge: { connect_timeout: `${1 + random.int(3)}s` },
  }),
  resources: (random) => ({
    "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    name: random.pick(["raw", "raw", "raw2", "edge/http"]),
    virtual_hosts: [
      {
        name: "h",
        domains: [random.pick(hostnames)],
        routes: [{ match: { prefix: "/" }, route: { cluster: random.pick(services) } }],
      },
    ],
  }),
};

function rule(random: Random, index: number): unknown {
  return {
    name: `rule${index}`,
    ...maybe(random, { matches: [{ path: { prefix: random.pick(["/", "/a", "/b"]) } }] }, 0.7),
    ...maybe(random, { timeouts: { request: `${1 + random.int(90)}s` } }, 0.3),
    ...(random.chance(0.3)
      ? { split: random.pick(["half", "most"]) }
      : { backends: [{ service: random.pick(services), ...maybe(random, { subset: "v1" }, 0.15) }] }),
  };
}

function maybe<Fields extends object>(random: Random, fields: Fields, probability = 0.4): Fields | object {
  return random.chance(probability) ? fields : {};
}

/** Files without an error. */
export function firstFiles(random: Random): EditedFiles {
  const endpoints = () => ({ endpoints: [`127.0.0.1:${1 + random.int(9)}`] });
  const maps = {
    gateways: {
      edge: { listeners: [{ name: "http", port: 10_000 }] },
      inside: { listeners: [{ name: "http", port: 10_001 }] },
    },
    splits: {
      half: { backends: { a: { service: "s0" }, b: { service: "s1" } }, default: { a: 1, b: 1 } },
      most: { backends: { a: { service: "s2" }, b: { service: "s3" } }, default: { a: 9, b: 1 } },
    },
    policies: { slow: { timeouts: { request: "60s" } }, fast: { timeouts: { request: "2s" } } },
  };
  const file = (own: Sections): EditedFile => ({ maps: own, lists: {}, commentLines: 0, isBroken: false });
  return new Map([
    ["a.yaml", file(maps)],
    ["b.yaml", file({ services: Object.fromEntries(services.map((name) => [name, endpoints()])) })],
  ]);
}

/** One edit of one file. */
export function edit(random: Random, files: EditedFiles): EditedFiles {
  const path = random.pick([...files.keys(), ...paths]);
  const file = files.get(path) ?? { maps: {}, lists: {}, commentLines: 0, isBroken: false };
  const edited = new Map(files);
  const kind = random.weighted({
    define: 8,
    redefine: 8,
    undefine: 4,
    list: 2.5,
    unlist: 0.7,
    shift: 2,
    move: 1,
    remove: 0.5,
    break: 1,
  });
  const section = random.pick(Object.keys(starters));
  switch (kind) {
    case "define":
      edited.set(path, withEntry(file, section, starters[section]?.(random)));
      break;
    case "redefine":
      redefine(random, edited);
      break;
    case "undefine": {
      const { [random.pick([...Object.keys(file.maps[section] ?? {}), "nothing"])]: _, ...rest } =
        file.maps[section] ?? {};
      edited.set(path, { ...file, maps: { ...file.maps, [section]: rest } });
      break;
    }
    case "list": {
      const list = random.pick(Object.keys(listed));
      edited.set(path, {
        ...file,
        lists: { ...file.lists, [list]: [...(file.lists[list] ?? []), listed[list]?.(random)] },
      });
      break;
    }
    case "unlist":
      edited.set(path, { ...file, lists: {} });
      break;
    case "shift":
      edited.set(path, { ...file, commentLines: random.int(4) });
      break;
    case "move":
      edited.delete(path);
      edited.set(random.pick(paths), file);
      break;
    case "remove":
      edited.delete(path);
      break;
    case "break":
      edited.set(path, { ...file, isBroken: !file.isBroken });
      break;
  }
  return edited;
}

/** Writes something else for a name that is there, where it is. */
function redefine(random: Random, files: Map<string, EditedFile>): void {
  const [section, start] = random.pick(Object.entries(starters));
  const [name, entry] = start(random);
  for (const [path, file] of files) {
    if (file.maps[section]?.[name] !== undefined) files.set(path, withEntry(file, section, [name, entry]));
  }
}

function withEntry(file: EditedFile, section: string, entry: readonly [string, unknown] | undefined): EditedFile {
  if (entry === undefined) return file;
  const [name, value] = entry;
  return { ...file, maps: { ...file.maps, [section]: { ...file.maps[section], [name]: value } } };
}

/** JSON is YAML; each value has a line of its own. */
export function textOf({ maps, lists, commentLines, isBroken }: EditedFile): string {
  return `${"\n".repeat(commentLines)}${JSON.stringify({ ...maps, ...lists }, undefined, 1)}${isBroken ? "}" : ""}\n`;
}

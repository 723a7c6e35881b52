/**
 * An explanation for a terminal: one line for each step of a request, and at its end where that is written.
 */
import type {
  ClusterFacts,
  EndpointFacts,
  Explanation,
  ListenerMiss,
  Miss,
  Outcome,
  Setting,
} from "../explain/explanation.ts";
import type { Place } from "../model/diagnostic.ts";
import { printable } from "../telemetry/printable.ts";

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
type Style = keyof typeof codes;

/** One line; without a label it goes on with the one before. */
interface Line {
  readonly label: string;
  readonly text: string;
  readonly at?: Place | undefined;
  readonly origin?: string | undefined;
  readonly style?: Style;
}

const LABEL_WIDTH = 18;
/** Places are aligned behind texts up to here; a longer text pushes its own away. */
const TEXT_WIDTH_MAX = 56;
const ENDPOINTS_DRAWN_MAX = 5;

/** Several lines without a trailing line break. */
export function drawExplanation(explanation: Explanation, options: { readonly colour: boolean }): string {
  const lines = linesOf(explanation);
  const width = Math.min(TEXT_WIDTH_MAX, Math.max(...lines.map(({ text }) => text.length)));
  const paint = (style: Style | undefined, text: string) =>
    options.colour && style !== undefined && text !== "" ? `\u001B[${codes[style]}m${text}\u001B[0m` : text;
  const drawn = lines.map(({ label, text, at, origin, style }) => {
    const place = at === undefined ? "" : `${at.file}:${at.line}`;
    const why = origin === undefined ? "" : `(${origin})`;
    const source = [place, why].filter((part) => part !== "").join(" ");
    const body = source === "" ? text : text.padEnd(width);
    const line = `  ${paint("cyan", label.padEnd(LABEL_WIDTH))} ${paint(style, body)}  ${paint("dim", source)}`;
    return line.trimEnd();
  });
  const { method, url } = explanation.request;
  return [paint("bold", printable(`${method} ${url}`)), ...drawn].join("\n");
}

function linesOf(explanation: Explanation): readonly Line[] {
  const { group, node, listener, virtualHost, route, outcome } = explanation;
  const lines: Line[] = [
    // First, because they say what all the rest is worth.
    ...explanation.notes.map((note): Line => ({ label: "note", text: note, style: "yellow" })),
    ...requestLines(explanation),
    node === undefined
      ? { label: "group", text: group.name, at: group.at }
      : { label: "node", text: `${node.id} (group ${group.name})`, at: group.at },
  ];
  if (listener !== undefined) {
    const { name, address, tls, filterChain } = listener;
    const chain = filterChain === undefined ? "" : `, filter chain ${filterChain}`;
    lines.push({
      label: "listener",
      text: `${name}  ${address}${tls ? " (TLS)" : ""}${chain}`,
      at: listener.at,
      origin: patchesText(listener),
    });
  }
  if (virtualHost !== undefined) {
    const { domain, name } = virtualHost;
    const text = domain === name ? domain : `${domain} of ${name}`;
    lines.push({ label: "host", text, at: virtualHost.at, origin: patchesText(explanation.routeConfiguration) });
  }
  if (route !== undefined) {
    const conditions = route.conditions.join(", ");
    lines.push({ label: "rule", text: `${route.name || "(without a name)"}  ${conditions}`, at: route.at });
  }
  lines.push(...explanation.perhaps.flatMap((miss) => missLines("or perhaps", miss)));
  lines.push(...outcomeLines(outcome, explanation));
  lines.push(...explanation.nearListeners.flatMap(listenerMissLines));
  lines.push(...explanation.nearest.flatMap((miss) => missLines("near", miss)));
  lines.push(...explanation.settings.map(settingLine));
  lines.push(...explanation.clusters.flatMap(clusterLines));
  for (const { name, address } of explanation.otherListeners)
    lines.push({ label: "also taken by", text: `${name}  ${address}` });
  return lines.map((line) => ({ ...line, text: printable(line.text) }));
}

function requestLines({ request }: Explanation): readonly Line[] {
  const { matchedPath, matchedHost } = request;
  return [
    ...(matchedPath === undefined ? [] : [{ label: "path", text: `matched as ${matchedPath}` }]),
    ...(matchedHost === undefined ? [] : [{ label: "host", text: `matched as ${matchedHost}` }]),
  ];
}

function missLines(label: string, { route, at, conditions }: Miss): readonly Line[] {
  return [
    { label, text: route || "(without a name)", at },
    ...conditions.map((condition): Line => ({ label: "", text: `  ${condition}`, style: "yellow" })),
  ];
}

function listenerMissLines({ name, address, at, because }: ListenerMiss): readonly Line[] {
  return [
    { label: "near", text: `${name}  ${address}`, at },
    { label: "", text: `  ${because}`, style: "yellow" },
  ];
}

/** Patches have changed the resource since the line that is told. */
function patchesText(written: { readonly patchedAt?: readonly Place[] } | undefined): string | undefined {
  const places = written?.patchedAt?.map(({ file, line }) => `${file}:${line}`) ?? [];
  return places.length === 0 ? undefined : `patched at ${places.join(", ")}`;
}

function outcomeLines(outcome: Outcome, { route }: Explanation): readonly Line[] {
  switch (outcome.kind) {
    case "forward": {
      const { clusters, path, host } = outcome;
      const split = route?.split;
      const shares = clusters.map(({ cluster, percent }) => `${cluster} ${percentText(percent)}`).join(", ");
      const isSplit = split !== undefined || clusters.length > 1;
      return [
        ...(isSplit
          ? [{ label: "split", text: split === undefined ? shares : `${split.name}: ${shares}`, at: split?.at }]
          : []),
        ...(path === undefined ? [] : [{ label: "path is rewritten", text: path }]),
        ...(host === undefined ? [] : [{ label: "host is rewritten", text: host }]),
      ];
    }
    case "redirect":
      return [{ label: "redirect", text: `${outcome.status} to ${outcome.location}`, style: "green" }];
    case "answer":
      return [{ label: "answer", text: `${outcome.status} by Envoy itself`, style: "green" }];
    case "not-found":
      return [{ label: "404", text: outcome.because, style: "red" }];
    case "refused":
      return [
        { label: outcome.status === undefined ? "refused" : `${outcome.status}`, text: outcome.because, style: "red" },
      ];
    case "unknown":
      return [{ label: "unknown", text: outcome.because, style: "yellow" }];
  }
}

function settingLine({ name, text, at, origin }: Setting): Line {
  return { label: name, text, at, origin };
}

function clusterLines(cluster: ClusterFacts): readonly Line[] {
  const { name, at, discovery, endpointCount, endpoints, settings } = cluster;
  if (at === undefined) {
    const text = `${name} is not in the snapshot: 503, unless Envoy's bootstrap has it`;
    return [{ label: "cluster", text, style: "red" }];
  }
  const how = /dns/i.test(discovery ?? "") ? " by DNS" : "";
  const count = `${endpointCount} endpoint${endpointCount === 1 ? "" : "s"}${how}`;
  const isOriginal = discovery === "ORIGINAL_DST";
  const isEmpty = endpointCount === 0 && !isOriginal;
  const where = isOriginal ? "wherever the connection wanted to go" : isEmpty ? "no endpoints: 503" : count;
  return [
    {
      label: "cluster",
      text: `${name}  ${where}`,
      at,
      origin: patchesText(cluster),
      ...(isEmpty ? { style: "red" as const } : {}),
    },
    ...endpoints.slice(0, ENDPOINTS_DRAWN_MAX).map(endpointLine),
    ...(endpointCount > ENDPOINTS_DRAWN_MAX
      ? [{ label: "  …", text: `${endpointCount - ENDPOINTS_DRAWN_MAX} more` }]
      : []),
    ...settings.map(({ name: label, text, ...rest }): Line => ({ label: `  ${label}`, text, ...rest })),
  ];
}

function endpointLine({ address, at, priority, weight, locality, health }: EndpointFacts): Line {
  const marks = [
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...(locality === undefined ? [] : [locality]),
    ...(priority === 0 ? [] : [`priority ${priority}`]),
    ...(health === undefined ? [] : [health]),
  ];
  return { label: "  endpoint", text: [address, ...marks].join("  "), at };
}

function percentText(percent: number): string {
  return `${Number(percent.toFixed(2))} %`;
}

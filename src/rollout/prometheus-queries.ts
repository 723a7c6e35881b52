/**
 * What a Prometheus is asked about both versions, and its answers as reports of Envoys.
 *
 * The queries are of counters as they stand, by Envoy (its `instance`), never of rates: what came since the last look is a
 * difference, as with reports, and an Envoy that begins anew is seen to. Prometheus is asked when it last scraped each of
 * them as well, because it goes on answering with old numbers for minutes.
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { NodeReport } from "./observed.ts";
import type { Series } from "./prometheus-answer.ts";
import { clusterPlaceholder, thresholdPlaceholder } from "./read-evidence.ts";
import type { PrometheusQueries, RolloutPlan } from "./rollout-plan.ts";

/** Envoy's names for one version, as they are in statistics. */
export interface VersionNames {
  /** Where requests may be counted; in one of them they are. */
  readonly counted: readonly string[];
  readonly hosts: string;
}

export interface BothNames {
  readonly canary: VersionNames;
  readonly baseline: VersionNames;
}

type Version = keyof BothNames;

/** Own queries have no `scraped`. */
type What = keyof PrometheusQueries | "scraped";

/** One question; `key` is what its answer is found by. */
export interface Question {
  readonly key: `${Version} ${What}`;
  readonly query: string;
}

type Answers = ReadonlyMap<Question["key"], Series>;

/** All that is asked at one moment. */
export function questionsFor({ evidence, gates }: RolloutPlan, names: BothNames): readonly Question[] {
  const thresholdMs = gates.slow?.thresholdMs;
  const own = evidence?.queries;
  const versions: readonly Version[] = ["canary", "baseline"];
  const asked = versions.flatMap((version) => {
    const { counted, hosts } = names[version];
    const filled = own === undefined ? builtIn(counted, hosts, thresholdMs) : ownQueries(own, hosts, thresholdMs);
    return Object.entries(filled).map(([what, query]) => ({ key: `${version} ${what as What}` as const, query }));
  });
  return asked.filter(({ key }) => key !== "baseline healthyHosts" && key !== "baseline scraped");
}

const REQUESTS = "envoy_cluster_upstream_rq_xx";
const TIMES = "envoy_cluster_upstream_rq_time";
const HEALTHY = "envoy_cluster_membership_healthy";

/** Completed are the sum over all classes: were it another statistic, one that is not kept would look like no errors. */
function builtIn(
  counted: readonly string[],
  hosts: string,
  thresholdMs: number | undefined,
): Partial<Record<What, string>> {
  const requests = `envoy_cluster_name=~"${counted.map(literally).join("|")}"`;
  const byInstance = (by: string, series: string) => `${by} by (instance) (${series})`;
  return {
    completed: byInstance("sum", `${REQUESTS}{${requests}}`),
    errors: byInstance("sum", `${REQUESTS}{${requests},envoy_response_code_class="5"}`),
    ...(thresholdMs === undefined
      ? {}
      : {
          // Prometheus 3 writes 300 as 300.0.
          inTime: byInstance("sum", `${TIMES}_bucket{${requests},le=~"${literally(String(thresholdMs))}([.]0)?"}`),
          answered: byInstance("sum", `${TIMES}_count{${requests}}`),
        }),
    healthyHosts: byInstance("min", `${HEALTHY}{envoy_cluster_name=~"${literally(hosts)}"}`),
    scraped: byInstance("min", `timestamp(${HEALTHY}{envoy_cluster_name=~"${literally(hosts)}"})`),
  };
}

function ownQueries(
  queries: PrometheusQueries,
  cluster: string,
  thresholdMs: number | undefined,
): Partial<Record<What, string>> {
  const quoted = cluster.replaceAll(/["\\]/g, String.raw`\$&`);
  const isTimed = thresholdMs !== undefined;
  const asked = Object.entries(queries).filter(([what]) => isTimed || (what !== "inTime" && what !== "answered"));
  return Object.fromEntries(
    asked.map(([what, query]) => [
      what,
      query.replaceAll(clusterPlaceholder, () => quoted).replaceAll(thresholdPlaceholder, String(thresholdMs ?? "")),
    ]),
  );
}

/** In a regular expression, and free of backslashes, which PromQL would want twice. */
function literally(text: string): string {
  return text.replaceAll(/[^\w -]/g, (sign) => (sign === "\\" || sign === "^" || sign === '"' ? "." : `[${sign}]`));
}

/**
 * The answers as reports by series, which is by Envoy unless the queries are own ones; the error says what is not there.
 * `changedAtMs` is when own queries gave other numbers than before, because nothing else tells how old they are.
 */
export function reportsOfAnswers(
  plan: RolloutPlan,
  answers: Answers,
  changedAtMs: number,
): Result<ReadonlyMap<string, NodeReport>, string> {
  const unknown = nothingFound(plan, answers) ?? noBucket(plan, answers);
  if (unknown !== undefined) return err(unknown);
  const of = (version: Version, key: string) => {
    const number = (what: What) => answers.get(`${version} ${what}`)?.get(key) ?? 0;
    const counters = { completed: number("completed"), errors: number("errors") };
    if (!answers.has(`${version} inTime`)) return counters;
    return { ...counters, timed: { answered: number("answered"), inTime: number("inTime") } };
  };
  const scraped = answers.get("canary scraped");
  const healthy = answers.get("canary healthyHosts");
  const keys =
    scraped === undefined ? new Set([...answers.values()].flatMap((each) => [...each.keys()])) : scraped.keys();
  return ok(
    new Map(
      [...keys].map((key) => [
        key,
        {
          reportedAtMs: scraped === undefined ? changedAtMs : (scraped.get(key) ?? 0) * 1_000,
          canary: of("canary", key),
          baseline: of("baseline", key),
          canaryHealthyHosts: healthy === undefined ? undefined : (healthy.get(key) ?? Math.min(...healthy.values())),
        },
      ]),
    ),
  );
}

/** An own query without an answer may as well be misspelt: it says nothing, and does not stand for nought. */
function nothingFound({ evidence }: RolloutPlan, answers: Answers): string | undefined {
  if (evidence?.queries === undefined) {
    const scraped = answers.get("canary scraped");
    return scraped === undefined || scraped.size === 0
      ? `it has no ${HEALTHY} of the canary's cluster: does it scrape /stats/prometheus of the Envoys?`
      : undefined;
  }
  const empty = [...answers].find(([, series]) => series.size === 0);
  if (empty === undefined) return undefined;
  const [version = "", what = ""] = empty[0].split(" ");
  return `the query \`${what}\` found nothing for the ${version}; where that stands for nought, add \`or vector(0)\``;
}

/** Between the edges of its buckets nobody knows how many requests an Envoy has answered. */
function noBucket({ evidence, gates }: RolloutPlan, answers: Answers): string | undefined {
  if (evidence?.queries !== undefined) return undefined;
  for (const version of ["canary", "baseline"] as const) {
    const inTime = answers.get(`${version} inTime`);
    const without = [...(answers.get(`${version} answered`) ?? [])].find(([key]) => inTime?.has(key) === false);
    if (without === undefined) continue;
    return `${TIMES} of the ${version} has no bucket of ${gates.slow?.thresholdMs} ms at ${without[0]}: take a threshold that it has (\`le\`), or start the Envoy with what fairway bootstrap prints`;
  }
  return undefined;
}

/**
 * A rollout's plan in a file, YAML or JSON, and where in it the server has found something wrong.
 */
import { readFileSync, statSync } from "node:fs";
import { LineCounter, isMap, isNode, isScalar, parseDocument } from "yaml";
import type { Document, Node } from "yaml";
import { drawDiagnostic } from "../model/draw-diagnostic.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** Fifty steps are a few kilobytes. */
const BYTES_MAX = 256 * 1024;
const LINE_CHARS_MAX = 200;

/** What was read. */
export interface PlanFile {
  readonly plan: Readonly<Record<string, unknown>>;
  /** Problems of the server's, `steps[2].weight: message`, drawn at their places in the file; the same of several steps once. */
  draw(problems: readonly string[], colour: boolean): readonly string[];
}

/** The error says what is wrong, and where. */
export function readPlanFile(path: string): Result<PlanFile, string> {
  try {
    if (statSync(path).size > BYTES_MAX) return err(`${path}: larger than ${BYTES_MAX} bytes; it is no plan`);
    return parsePlan(path, readFileSync(path, "utf8"));
  } catch (cause) {
    return err(`${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** `path` is for messages. */
function parsePlan(path: string, text: string): Result<PlanFile, string> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, version: "1.2", merge: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const [message = ""] = problem.message.split("\n");
    const excerpt = (text.split("\n")[line - 1] ?? "").slice(0, LINE_CHARS_MAX);
    // The library says the place again, in other words.
    const said = message.replace(/ at line \d+, column \d+:?$/, "");
    return err(`${path}:${line}:${col}: ${said}\n  ${line} | ${excerpt}`);
  }
  const plan: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof plan !== "object" || plan === null || Array.isArray(plan)) {
    return err(`${path}:1:1: a plan is a map, with \`steps\` in it`);
  }
  return ok({
    plan: plan as Readonly<Record<string, unknown>>,
    draw: (problems, colour) => sameOnce(problems).map((told) => drawAt({ path, text, document, lines }, told, colour)),
  });
}

interface Parsed {
  readonly path: string;
  readonly text: string;
  readonly document: Document;
  readonly lines: LineCounter;
}

interface Problem {
  readonly place: string;
  readonly message: string;
}

/** What is wrong in the same way in several steps is told of the first, with the names of the others. */
function sameOnce(problems: readonly string[]): readonly Problem[] {
  const alike = new Map<string, Problem[]>();
  for (const told of problems) {
    const [, place = "", message = told] = /^([A-Za-z0-9_.[\]]+): ([\s\S]*)$/.exec(told) ?? [];
    const key = `${place.replace(/^steps\[\d+\]/, "steps[]")}: ${message}`;
    alike.set(key, [...(alike.get(key) ?? []), { place, message }]);
  }
  return [...alike.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const steps = others.map(({ place }) => place.replace(/^(steps\[\d+\]).*$/, "$1"));
    const message = steps.length === 0 ? first.message : `${first.message} (the same in ${steps.join(", ")})`;
    return [{ place: first.place, message }];
  });
}

function drawAt({ path, text, document, lines }: Parsed, { place, message }: Problem, colour: boolean): string {
  const keys = [...place.matchAll(/[^.[\]]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));
  const isOfKey = message.startsWith("unknown key");
  const [from, to] = ((isOfKey ? keyNode(document, keys) : undefined) ?? nearest(document, keys))?.range ?? [0, 1];
  const { line, col } = lines.linePos(from);
  const source = (text.split("\n")[line - 1] ?? "").slice(0, LINE_CHARS_MAX);
  return drawDiagnostic(
    {
      code: "invalid-value",
      severity: "error",
      message,
      at: { file: path, line, column: col },
      path: place,
      source: { line: source, length: Math.max(1, Math.min(to - from, source.length - col + 1)) },
    },
    { colour },
  );
}

/** A key that should not be there is told where it is, and not where its value is. */
function keyNode(document: Document, keys: readonly (string | number)[]): Node | undefined {
  const [key] = keys.slice(-1);
  const parent: unknown = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const found = parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))?.key;
  return isNode(found) ? found : undefined;
}

/** What is missing is told where it should be. */
function nearest(document: Document, keys: readonly (string | number)[]): Node | undefined {
  for (let count = keys.length; count > 0; count -= 1) {
    const found: unknown = document.getIn(keys.slice(0, count), true);
    if (isNode(found)) return found;
  }
  return isNode(document.contents) ? document.contents : undefined;
}

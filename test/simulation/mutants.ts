/**
 * Broken stream machines: each is the real source with one text replaced, and forgets one rule.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../../src/support/assert.ts";
import type { Machine } from "./machine.ts";

/** A rule, and what of the source makes it hold. */
export interface Mutant {
  readonly rule: string;
  /** A seed that noticed; when the simulation has changed since, another is looked for. */
  readonly seed: number;
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

const root = join(import.meta.dirname, "..", "..");

/** Where the copies are; gone when it is disposed of. */
export class MutantCopies implements Disposable {
  readonly #directory: string;

  constructor() {
    mkdirSync(join(root, ".cache"), { recursive: true });
    this.#directory = mkdtempSync(join(root, ".cache", "mutants-"));
  }

  /** The machine with the text replaced, which must be there once: when it is gone the rule has moved, and the mutant moves with it. */
  async load({ file, text, becomes }: Omit<Mutant, "rule" | "seed">): Promise<Machine> {
    const copy = mkdtempSync(join(this.#directory, "mutant-"));
    for (const stage of ["support", "snapshot", "xds"])
      cpSync(join(root, "src", stage), join(copy, stage), { recursive: true });
    // No mutant is in these, and what they hold is large.
    for (const stage of ["gen", "model", "translate"]) symlinkSync(join(root, "src", stage), join(copy, stage));
    const path = join(copy, "xds", file);
    const source = readFileSync(path, "utf8");
    const occurrences = source.split(text).length - 1;
    if (text !== "") assert(occurrences === 1, `in ${file} there is once, and not ${occurrences} times: ${text}`);
    writeFileSync(
      path,
      source.replace(text, () => becomes),
    );
    const stream = (await import(join(copy, "xds", "stream.ts"))) as Pick<Machine, "step">;
    const state = (await import(join(copy, "xds", "stream-state.ts"))) as Pick<Machine, "createStream">;
    const shared = (await import(join(copy, "xds", "shared-responses.ts"))) as Pick<Machine, "createSharedResponses">;
    return { step: stream.step, createStream: state.createStream, createSharedResponses: shared.createSharedResponses };
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export const mutants: readonly Mutant[] = [
  {
    rule: "endpoints follow their cluster",
    seed: 16,
    file: "stream.ts",
    text: "if (typeUrl === typeUrls.cluster) forceEndpoints(state, type, response);",
    becomes: "",
  },
  {
    rule: "what leaves stays until the routes have left it",
    seed: 1,
    file: "sequencer.ts",
    text: "for (const resource of [...gone, ...weights, ...(moves ? emptied : [])]) {",
    becomes: "for (const resource of []) {",
  },
  {
    rule: "routes wait for the ACK of their clusters",
    seed: 22,
    file: "sequencer.ts",
    text: 'progress.isResolved("supply") && !progress.missesSupply &&',
    becomes: "!progress.missesSupply &&",
  },
  {
    rule: "routes wait for a cure of rejected clusters",
    seed: 491,
    file: "sequencer.ts",
    text: "&& !progress.missesSupply &&",
    becomes: "&&",
  },
  {
    rule: "nothing goes while a rejected route keeps the old one in use",
    seed: 1809,
    file: "sequencer.ts",
    text: "const settled = resolved && !progress.keepsOldReference &&",
    becomes: "const settled = resolved &&",
  },
  {
    rule: "clusters stay for a grace after the routes have left",
    seed: 3,
    file: "sequencer.ts",
    text: "Math.max(atMs + updates.graceMs, sequencer.drainsUntilMs)",
    becomes: "Math.max(atMs, sequencer.drainsUntilMs)",
  },
  {
    rule: "endpoints are not emptied while routes still lead to them",
    seed: 1,
    file: "leaving.ts",
    text: "return resource !== undefined && resource.hostCount > 0 && successor.hostCount === 0;",
    becomes: "return false;",
  },
  {
    rule: "what a returning node holds leaves by the same rules",
    seed: 46,
    file: "sequencer.ts",
    text: "if (!leaves || retained.get(name)?.claimed === true) continue;",
    becomes: "if (leaves || !leaves) continue;",
  },
  {
    rule: "one unacknowledged response of a type",
    seed: 1,
    file: "stream.ts",
    text: "if (type.inFlight !== undefined) continue;",
    becomes: "",
  },
  {
    rule: "a nonce is used once",
    seed: 1,
    file: "shared-responses.ts",
    text: "sequence += 1;",
    becomes: "sequence = (sequence + 1) % 8;",
  },
  {
    rule: "rejected content is not sent again",
    seed: 7,
    file: "offer.ts",
    text: "if (rejection === undefined) return false;",
    becomes: "if (rejection !== undefined || rejection === undefined) return false;",
  },
  {
    rule: "what is gone is said to be gone",
    seed: 8,
    file: "compose-shared.ts",
    text: "const gone = subscription.wildcard ? removed : [];",
    becomes: "const gone: ResourceName[] = [];",
  },
  {
    rule: "a full state holds what did not change",
    seed: 14,
    file: "compose.ts",
    text: 'if (offer.kind === "resource") resources.push(offer.resource);\n    // Leaving',
    becomes:
      'if (offer.kind === "resource" && needed(type, offer.resource)) resources.push(offer.resource);\n    // Leaving',
  },
  {
    rule: "nothing is said to be deleted because it was rejected",
    seed: 14,
    file: "compose.ts",
    text: "if (resources.length === 0 && (wildcard || keeps) && hasAny(state, type, table)) return undefined;",
    becomes: "",
  },
  {
    rule: "what was blamed together is free when the bad one has gone",
    seed: 2048,
    file: "offer.ts",
    text: "return isWhole(state, together, view);",
    becomes: "return true;",
  },
  {
    rule: "a returning node first asks for the endpoints of its clusters",
    seed: 1105,
    file: "sequencer.ts",
    text: "&& (!progress.owesSupply || expired)",
    becomes: "",
  },
  {
    rule: "a warming cluster of a returning node gets the endpoints it asks for first",
    seed: 385,
    file: "apply-demand.ts",
    text: "(warming || isAwaited(state, name))",
    becomes: "isAwaited(state, name)",
  },
  {
    rule: "a changed cluster gets the endpoints that are asked for after it",
    seed: 79,
    file: "apply-demand.ts",
    text: "|| isAwaited(state, name)",
    becomes: "",
  },
  {
    rule: "a response is for those with the same subscription",
    seed: 7,
    file: "compose-shared.ts",
    text: "${names.size === 0 ? 0 : shared.idOf(names)}",
    becomes: "0",
  },
  {
    rule: "a response is for those with the same kind of subscription",
    seed: 218,
    file: "compose-shared.ts",
    text: '${wildcard ? "*" : ""}',
    becomes: "",
  },
  {
    rule: "a response is for those who hold the same",
    seed: 7,
    file: "compose-shared.ts",
    text: "${shared.idOf(type.held.base)} ${shared.idOf(view)}",
    becomes: "${shared.idOf(view)}",
  },
  {
    rule: "a response is for those who need the same again",
    seed: 11,
    file: "compose-shared.ts",
    text: 'const forced = type.forced.size === 0 ? "" : [...type.forced].sort().join("\\n");',
    becomes: 'const forced = "";',
  },
  {
    rule: "who holds something else than the others is served by itself",
    seed: 1,
    file: "compose-shared.ts",
    text: "if (type.held.exceptionsCount > 0 || type.forced.size",
    becomes: "if (type.forced.size",
  },
  {
    rule: "who has rejected something is served by itself",
    seed: 7,
    file: "compose-shared.ts",
    text: "return rejections === undefined || rejections.resources.size + rejections.wholeVersions.length === 0;",
    becomes: "return true || rejections === undefined;",
  },
  {
    rule: "a shared response has a new nonce for who had a newer one",
    seed: 22,
    file: "compose-shared.ts",
    text: "return outcome.sequence > type.lastSequence ? outcome : shared.renewed(key, outcome);",
    becomes: "return outcome;",
  },
  {
    rule: "what a client holds is what it held when it was sent the response, and the response",
    seed: 247,
    file: "verdict.ts",
    text: "if (step === undefined || type.held.base !== step.from || type.held.exceptionsCount > 0) return false;",
    becomes: "if (step === undefined) return false;",
  },
  {
    rule: "what was asked for while a response was under way is not in it",
    seed: 58,
    file: "verdict.ts",
    text: "return type.subscription.names === step.names && type.subscription.wildcard === step.wildcard;",
    becomes: "return true;",
  },
  {
    rule: "a sync in parts is complete with its last part",
    seed: 24,
    file: "compose-shared.ts",
    text: "{ completes: complete ? view : undefined, step: { from, to } },",
    becomes: "{ completes: view, step: { from, to: view } },",
  },
  {
    rule: "an exception stays when its view is left behind",
    seed: 58,
    file: "holding.ts",
    text: "if (view !== this.#base) this.#keepDifferences(view);",
    becomes: "this.#base = view;",
  },
  {
    rule: "what a new wildcard brings is not held yet",
    seed: 218,
    file: "apply-demand.ts",
    text: "if (change.wildcardStarted) type.held.startWildcard();",
    becomes: "",
  },
  {
    rule: "what is named beside others is not held yet",
    seed: 179,
    file: "apply-demand.ts",
    text: "} else type.held.markUnanswered(name);\n  }\n}",
    becomes: "}\n  }\n}",
  },
  {
    rule: "a response of which nothing is wanted any more is not waited for",
    seed: 54,
    file: "apply-demand.ts",
    text: "  type.inFlight = undefined;\n}",
    becomes: "}",
  },
  {
    rule: "an answer that was not waited for any more asks for nothing",
    seed: 881,
    file: "apply-demand.ts",
    text: "  type.abandoned = undefined;\n  return true;",
    becomes: "  return false;",
  },
  {
    rule: "a node that was away is remembered with what it rejected",
    seed: 31,
    file: "stream.ts",
    text: "if (first && isNewProcess(state, demand)) state.rejections.clear();",
    becomes: "if (first) state.rejections.clear();",
  },
  {
    rule: "what a named client wants and is not there, is said not to be there",
    seed: 367,
    file: "compose.ts",
    text: "(wildcard || keeps) && hasAny(state, type, table)",
    becomes: "hasAny(state, type, table)",
  },
  {
    rule: "what was said to be gone is not held any more",
    seed: 5,
    file: "verdict.ts",
    text: "    noteRemoved(type, response);\n    if (completes",
    becomes: "    if (completes",
  },
  {
    rule: "a newer snapshot takes over from one that is stuck",
    seed: 7,
    file: "sequencer.ts",
    text: "(waitedMs >= STUCK_AFTER_MS || refused(progress));",
    becomes: "false;",
  },
  {
    rule: "what comes back before it has gone is new again",
    seed: 129,
    file: "sequencer.ts",
    text: "if (successor !== undefined && !isEmptied(resource, successor)) retained.delete(name);",
    becomes: "",
  },
  {
    rule: "a gate that a returning node passed unrecognised is closed again",
    seed: 6890,
    file: "sequencer.ts",
    text: 'else enter(sequencer, "supply", atMs);',
    becomes: "",
  },
  {
    rule: "a wildcard that ended and begins again is answered",
    seed: 11757,
    file: "apply-demand.ts",
    text: " || wasWildcard !== type.subscription.wildcard) type.confirmedVersion = undefined;",
    becomes: ") type.confirmedVersion = undefined;",
  },
  {
    rule: "a response that was rejected as a whole is not sent again",
    seed: 450,
    file: "offer.ts",
    text: "rejections.wholeVersions = [versionInfo, ...others].slice(0, VERSIONS_MAX);",
    becomes: "",
  },
  {
    rule: "an accepted version is not sent again as a full state",
    seed: 3,
    file: "compose-shared.ts",
    text: "if (full && outcome.response.versionInfo === type.confirmedVersion && !type.owed) return undefined;",
    becomes: "",
  },
  {
    rule: "only what is asked for by name is sent",
    seed: 1,
    file: "compose-shared.ts",
    text: "for (const name of changed) if (isWanted(subscription, name)) wanted.add(name);",
    becomes: "for (const name of changed) wanted.add(name);",
  },
  {
    rule: "a name that is subscribed to again is sent again",
    seed: 267,
    file: "apply-demand.ts",
    text: "      type.forced.add(name);\n    } else type.held",
    becomes: "    } else type.held",
  },
  {
    rule: "what a rejected response removed is said again",
    seed: 31215,
    file: "verdict.ts",
    text: "if (response.resources.length === 0) return;",
    becomes: "return;",
  },
  {
    rule: "a rejected response is got past when what may have been bad in it has left",
    seed: 14440,
    file: "compose.ts",
    text: "if (known.length < resources.length)",
    becomes: "if (known.length < 0)",
  },
  {
    rule: "routes wait for the clusters on another stream of the node",
    seed: 107,
    file: "progress.ts",
    text: "const states = this.#states;",
    becomes: "const states = [this.#state];",
  },
  {
    rule: "without ADS routes wait for the endpoints of each cluster",
    seed: 107,
    file: "progress.ts",
    text: "return hasAllChildren(this.#states, typeUrls.cluster, snapshot?.tables);",
    becomes: "return true;",
  },
  {
    rule: "a stream that begins beside others begins where they are",
    seed: 921,
    file: "stream.ts",
    text: "if (state.types.size === 0) joinCompanions(state, demand.typeUrl, input.atMs);",
    becomes: "",
  },
  {
    rule: "what a returning node holds is known on all of its streams",
    seed: 14477,
    file: "join-companions.ts",
    text: "for (const { sequencer: each } of companions) keepClaimed(sequencer, typeUrl, each);",
    becomes: "",
  },
  {
    rule: "a new stream of a node does not make its rejections forgotten",
    seed: 294,
    file: "stream.ts",
    text: "of [state, ...state.companions()]) {",
    becomes: "of [state]) {",
  },
  {
    rule: "virtual hosts on demand follow their route configuration when it changed",
    seed: 537,
    file: "stream.ts",
    text: "if (typeUrl === typeUrls.route) forceVirtualHosts(state, type, response);",
    becomes: "",
  },
  {
    rule: "a route configuration that comes later does not wait for virtual hosts that it has not asked for",
    seed: 739,
    file: "stream.ts",
    text: "if (hosts !== undefined) hosts.wordDue = true;",
    becomes: "",
  },
  {
    rule: "a host that nobody has is answered",
    seed: 16,
    file: "asked-hosts.ts",
    text: "for (const name of names) resources.set(name, answerOf(view, name));",
    becomes:
      "for (const name of names) if (answerOf(view, name).hostName !== undefined) resources.set(name, answerOf(view, name));",
  },
  {
    rule: "a virtual host on demand that went is removed by its own name",
    seed: 461,
    file: "compose.ts",
    text: "if (!removed.includes(gone)) removed.push(gone);",
    becomes: "",
  },
  {
    rule: "a virtual host that a client came back with is known by what it answers",
    seed: 2587,
    file: "verdict.ts",
    text: "type.held.delete(resource.hostName);",
    becomes: "type.held.has(resource.hostName);",
  },
  {
    rule: "virtual hosts of a route configuration that is gone stay until nobody asks for it",
    seed: 280,
    file: "compose.ts",
    text: "return isAsked && viewOf(",
    becomes: "return false && viewOf(",
  },
  {
    rule: "what is demanded and cannot be sent is sent later",
    seed: 1325918,
    file: "stream.ts",
    text: "if (type.forced.size > 0) keepDemands(state, type, view);",
    becomes: "type.forced.clear();",
  },
  {
    rule: "what was rejected together is not sent together again",
    seed: 2044870,
    file: "bisect.ts",
    text: "const rejected = group.rejected.find(",
    becomes: "const rejected = [new Set<ResourceName>()].slice(1).find(",
  },
  {
    rule: "a response is not waited for until it is answered, whatever is asked for meanwhile",
    seed: 2187549,
    file: "apply-demand.ts",
    text: "if (type.inFlight === undefined) return;\n  const",
    becomes: "if (type.inFlight === undefined) {\n    type.abandoned = undefined;\n    return;\n  }\n  const",
  },
  {
    rule: "what a client may have of what it rejected is offered, so that the full state can be sent",
    seed: 1301110,
    file: "resume-type.ts",
    text: "else guessHeld(state, type, name, earlier(type.type.typeUrl));",
    becomes: 'else type.held.set(name, "");',
  },
];

/**
 * What an ACK or a NACK means for what the client holds.
 *
 * A NACK is not a rollback: Envoy has applied the good resources of a rejected response and refused only
 * the bad ones. So the bad ones are remembered and never sent again with that content, and the others are
 * sent once more, because nobody knows whether they arrived. Which ones were bad is read from Envoy's text
 * by looking for the names of that response; the rest of the text is unstable by design. When no name is
 * found, it is found out by sending the new ones in parts (bisect.ts), beside what the client had before.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { isHostAnswer } from "./asked-hosts.ts";
import type { Guilty } from "./bisect.ts";
import { acquit, giveUp, rejectNamed, suspect } from "./bisect.ts";
import { isMadeUp } from "./compose.ts";
import { refersTo } from "./held-references.ts";
import { NAMES_MAX, absolve, isRejected, rejectWhole, rejectionsOf } from "./offer.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import type { View } from "./view.ts";
import { offeredView } from "./offered-view.ts";
import { resourcesOf } from "./shared-responses.ts";
import type { ExactStep, InFlight, Response, StreamState, TypeState } from "./stream-state.ts";
import { heldVersion } from "./stream-state.ts";

/** Older contents of a name that are tried for a client that does not say what it holds; each may be bad again. */
const GUESSES_MAX = 3;

/** After so many rejections in a row the names in the text are no longer believed and the rest is held too. */
const REJECTIONS_NAMED_MAX = 5;

/** Takes an acknowledgement; returns what is now known to be bad, because everything else was accepted. */
export function acknowledge(
  state: StreamState,
  type: TypeState,
  inFlight: InFlight,
  view: View | undefined,
): Guilty | undefined {
  const { response, completes } = inFlight;
  type.inFlight = undefined;
  type.rejectionsInARow = 0;
  type.resumesUnknown = false;
  const guilty = acquit(state, type, response);
  const full = state.variant === "sotw" && type.type.fullStateInSotw;
  const rejections = state.rejections.get(type.type.typeUrl);
  if (rejections !== undefined) {
    rejections.uncertain = false;
    if (full) rejections.unlisted.clear();
    for (const resource of response.resources) {
      absolve(state, resource);
      rejections.unlisted.delete(resource.name);
    }
    for (const name of response.removed) rejections.unlisted.delete(name);
  }
  if (full && response.versionInfo !== "") type.confirmedVersion = response.versionInfo;
  if (type.missing.size > 0) for (const { name } of response.resources) type.missing.delete(name);
  if (isExact(type, inFlight)) {
    type.held.assume(inFlight.step.to);
    for (const name of response.removed) if (type.subscription.names.has(name)) type.missing.add(name);
  } else {
    if (full) keepOnlySent(type, response);
    const { wildcard, names } = type.subscription;
    for (const resource of response.resources) {
      // A name that was dropped in between may have been ignored, whatever its content.
      if (wildcard || names.has(resource.name)) type.held.set(resource.name, resource);
      // What a client that came back named as the virtual host itself is known by what it answers from now on.
      if (isHostAnswer(resource) && resource.hostName !== undefined && resource.hostName !== resource.name)
        type.held.delete(resource.hostName);
    }
    noteRemoved(type, response);
    if (completes !== undefined) rebase(type, completes);
  }
  if (full) noteMissing(type, response);
  // What is exceptional about this client is looked at once more.
  const unchanged = view !== undefined && completes === view && type.held.exceptionsCount === 0;
  type.cleanFor = unchanged && type.forced.size === 0 && !type.owed ? view : undefined;
  return guilty;
}

/** Whether the client now holds exactly what the response leads to: nobody has to look at single names. */
function isExact(type: TypeState, inFlight: InFlight): inFlight is InFlight & { readonly step: ExactStep } {
  const { step } = inFlight;
  if (step === undefined || type.held.base !== step.from || type.held.exceptionsCount > 0) return false;
  return type.subscription.names === step.names && type.subscription.wildcard === step.wildcard;
}

/** Makes the view the base of what the client holds. */
export function rebase(type: TypeState, view: View): void {
  type.held.rebase(view, (name) => type.missing.has(name));
}

/** In SotW a full-state response replaces everything; names outside it are gone at the client. */
function keepOnlySent(type: TypeState, response: Response): void {
  const sent = resourcesOf(response);
  for (const name of type.held.keys()) if (!sent.has(name)) type.held.delete(name);
}

/** What a client names and a full state has not, does not exist, and the client knows it now. */
function noteMissing(type: TypeState, response: Response): void {
  const { names } = type.subscription;
  if (names.size === 0) return;
  const sent = resourcesOf(response);
  for (const name of names) if (!sent.has(name)) type.missing.add(name);
}

/** Takes a rejection; returns the resources that are blamed. */
export function refuse(
  state: StreamState,
  type: TypeState,
  inFlight: InFlight,
  answer: { readonly message: string; readonly earlier: readonly TypeTable[] },
): readonly Resource[] {
  type.inFlight = undefined;
  type.cleanFor = undefined;
  type.confirmedVersion = undefined;
  type.rejectionsInARow += 1;
  const rejections = rejectionsOf(state, type.type.typeUrl);
  rejections.uncertain = true;
  const full = state.variant === "sotw" && type.type.fullStateInSotw;
  if (full) keepOnlySent(type, inFlight.response);
  sayRemovedAgain(type, inFlight.response);
  const sent = inFlight.response.resources;
  const changed = sent.filter((resource) => heldVersion(type.held.get(resource.name)) !== resource.version);
  const doubtful = changed.length > 0 ? changed : sent;
  // Endpoints, too, are sent once more: a cluster may be warming for those that were refused.
  for (const { name } of doubtful) type.forced.add(name);
  // What it had accepted before is not suspected either; where that is only guessed, in a full state, it may be bad.
  const wasGood = ({ name, version }: Resource) => !full && rejections.lastGood.get(name)?.version === version;
  const real = doubtful.filter(
    (resource) => !isMadeUp(resource) && (!wasGood(resource) || isNamed(resource.name, answer.message)),
  );
  const suspects = real.length > 0 ? real : doubtful;
  const named = suspects.filter((resource) => isNamed(resource.name, answer.message));
  rejectNamed(state, type, named);
  if (keepsWhatItHad(state, type, changed, named)) for (const { name } of named) type.forced.delete(name);
  if (type.resumesUnknown) for (const { name } of named) guessHeld(state, type, name, answer.earlier);
  const rest = suspects.filter((resource) => !named.includes(resource));
  // What was not named has perhaps been accepted, and is to be removed when it leaves.
  const mayHold = type.subscription.wildcard && (!full || (type.resumesUnknown && named.length > 0));
  const { unlisted } = rejections;
  for (const { name } of rest) {
    if (!mayHold || typeof type.held.get(name) === "object") continue;
    if (!type.held.has(name)) type.held.set(name, "");
    if (unlisted.size < NAMES_MAX) unlisted.add(name);
  }
  if (named.length > 0 && type.rejectionsInARow <= REJECTIONS_NAMED_MAX) return named;
  if (!full || mayBisect(state, type, rest)) {
    suspect(state, type, { suspects: rest, message: answer.message });
  } else if (named.length === 0) {
    // Leaving single resources out of a full-state response would delete those that Envoy did accept.
    rejectWhole(state, type, inFlight.response.versionInfo);
    blameLeaving(state, type, suspects, answer);
  }
  return suspects;
}

/**
 * On delta Envoy keeps the old cluster or listener when it refuses the new one. Where a response brought one
 * change, and that one was refused by its name, there is no doubt about what it has, and nothing is sent again.
 */
function keepsWhatItHad(
  state: StreamState,
  type: TypeState,
  changed: readonly Resource[],
  named: readonly Resource[],
): boolean {
  const [only] = changed;
  if (state.variant === "sotw" || !type.type.fullStateInSotw || type.resumesUnknown) return false;
  if (only === undefined || changed.length > 1 || !named.includes(only)) return false;
  return typeof type.held.get(only.name) === "object";
}

/**
 * In a full state what is left out is deleted. That does no harm to a cluster that no route leads to yet, nor where
 * older content can take the place; a new listener may already be in use, if it was not the bad one.
 */
function mayBisect(state: StreamState, type: TypeState, suspects: readonly Resource[]): boolean {
  if (type.resumesUnknown || suspects.length === 0) return false;
  return suspects.every(({ typeUrl, name }) => {
    const hasOlder = typeof type.held.get(name) === "object";
    return hasOlder || (typeUrl === typeUrls.cluster && !isLedTo(state, name));
  });
}

/** A node that starts may have routes to a cluster that it had refused, and now it has the next content of it. */
function isLedTo(state: StreamState, cluster: ResourceName): boolean {
  const streams = [state, ...state.companions()];
  const types = streams.flatMap((each) => [...each.types.values()]).filter(({ type }) => type.role === "reference");
  return types.some((type) => refersTo(type, typeUrls.cluster, cluster));
}

/** What is only kept for a client that may have it, and was not accepted, is given up: nothing new depends on it. */
function blameLeaving(
  state: StreamState,
  type: TypeState,
  suspects: readonly Resource[],
  { message, earlier }: { readonly message: string; readonly earlier: readonly TypeTable[] },
): void {
  const view = offeredView(state, type);
  // A client may come back with what the snapshot that waits behind this one has.
  const next = state.sequencer.next?.tables.get(type.type.typeUrl)?.resources;
  const leaving = suspects.filter(
    ({ name, version }) => view?.leaving.has(name) === true && next?.get(name)?.version !== version,
  );
  giveUp(state, type, leaving, { suspects, message });
  if (type.resumesUnknown) for (const { name } of leaving) guessHeld(state, type, name, earlier);
}

/** The client may hold something under that name, which a full state without the name would delete. */
export function guessHeld(
  state: StreamState,
  type: TypeState,
  name: ResourceName,
  earlier: readonly TypeTable[],
): void {
  if (typeof type.held.get(name) === "object") return;
  type.held.set(name, "");
  const contents = earlier.flatMap((table) => table.resources.get(name) ?? []);
  const mayGuess = type.rejectionsInARow <= GUESSES_MAX;
  const guess = mayGuess ? contents.find((resource) => !isRejected(state, resource, undefined)) : undefined;
  const { lastGood } = rejectionsOf(state, type.type.typeUrl);
  if (guess === undefined) lastGood.delete(name);
  else lastGood.set(name, guess);
}

/** Whether the text holds the name as a word of its own: `a` is not in `cat`, nor in `a|canary`. */
export function isNamed(name: ResourceName, text: string): boolean {
  if (name === "") return false;
  for (let from = text.indexOf(name); from !== -1; from = text.indexOf(name, from + 1)) {
    if (!isNamePart(text[from - 1]) && !isNameContinued(text, from + name.length)) return true;
  }
  return false;
}

function isNamePart(character: string | undefined): boolean {
  return character !== undefined && /[A-Za-z0-9_|/-]/.test(character);
}

/** A dot continues a name only when more of a name follows it; else it ends the sentence. */
function isNameContinued(text: string, at: number): boolean {
  if (text[at] === ".") return isNamePart(text[at + 1]);
  return isNamePart(text[at]);
}

function noteRemoved(type: TypeState, response: Response): void {
  for (const name of response.removed) {
    type.held.delete(name);
    if (type.subscription.names.has(name)) type.missing.add(name);
  }
}

/** Who could not read the response has not heard of them; alone they are said once, whatever the answer. */
function sayRemovedAgain(type: TypeState, response: Response): void {
  noteRemoved(type, response);
  if (response.resources.length === 0) return;
  for (const name of response.removed) {
    type.missing.delete(name);
    if (type.subscription.names.has(name)) type.held.markUnanswered(name);
    else if (type.subscription.wildcard) type.held.set(name, "");
  }
}

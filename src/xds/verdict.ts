/**
 * What an ACK or a NACK means for what the client holds.
 *
 * A NACK is not a rollback: Envoy has applied the good resources of a rejected response and refused only
 * the bad ones. So the bad ones are remembered and never sent again with that content, and the others are
 * sent once more, because nobody knows whether they arrived. Which ones were bad is read from Envoy's text
 * by looking for the names of that response; the rest of the text is unstable by design. When no name is
 * found, everything new in the response counts as bad.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { reject } from "./offer.ts";
import type { View } from "./sequencer.ts";
import type { InFlight, StreamState, TypeState } from "./stream-state.ts";
import { heldVersion } from "./stream-state.ts";

/** After so many rejections in a row the names in the text are no longer believed and the rest is held too. */
const REJECTIONS_NAMED_MAX = 5;

/** Takes an acknowledgement. */
export function acknowledge(type: TypeState, inFlight: InFlight, view: View | undefined): void {
  type.inFlight = undefined;
  type.rejectionsInARow = 0;
  if (type.type.fullStateInSotw && inFlight.versionInfo !== "" && inFlight.removed.length === 0) {
    type.confirmedVersion = inFlight.versionInfo;
  }
  for (const [name, resource] of inFlight.sent) {
    type.held.set(name, resource);
    type.missing.delete(name);
  }
  noteRemoved(type, inFlight);
  const unchanged = view !== undefined && inFlight.completes === view;
  type.cleanFor = unchanged && type.forced.size === 0 && !type.owed ? view : undefined;
}

/** In SotW a full-state response replaces everything; names outside it are gone at the client. */
export function keepOnlySent(type: TypeState, inFlight: InFlight): void {
  for (const name of type.held.keys()) if (!inFlight.sent.has(name)) type.held.delete(name);
}

/** Takes a rejection; returns the resources that are blamed. */
export function refuse(
  state: StreamState,
  type: TypeState,
  inFlight: InFlight,
  verdict: { readonly message: string; readonly view: View | undefined },
): readonly Resource[] {
  type.inFlight = undefined;
  type.cleanFor = undefined;
  type.rejectionsInARow += 1;
  noteRemoved(type, inFlight);
  const sent = [...inFlight.sent.values()];
  const changed = sent.filter((resource) => heldVersion(type.held.get(resource.name)) !== resource.version);
  const suspects = changed.length > 0 ? changed : sent;
  const named =
    type.rejectionsInARow > REJECTIONS_NAMED_MAX
      ? []
      : suspects.filter((resource) => isNamed(resource.name, verdict.message));
  if (named.length > 0) {
    for (const resource of named) reject(state, resource);
    for (const resource of suspects) if (!named.includes(resource)) type.forced.add(resource.name);
    return named;
  }
  if (state.variant === "sotw" && type.type.fullStateInSotw && verdict.view !== undefined) {
    // Leaving single resources out of a full-state response would delete those that Envoy did accept.
    type.rejectedWhole = { versionInfo: inFlight.versionInfo, view: verdict.view };
  } else {
    for (const resource of suspects) reject(state, resource);
  }
  return suspects;
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

function noteRemoved(type: TypeState, inFlight: InFlight): void {
  for (const name of inFlight.removed) {
    type.held.delete(name);
    if (type.subscription.names.has(name)) type.missing.add(name);
  }
}

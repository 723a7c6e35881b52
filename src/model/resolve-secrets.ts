/**
 * Secrets with the content of their parts, or what is wrong with it, at the line that names the file.
 *
 * The content comes from the caller, who reads the files that `collectFiles` found; it is examined once, as
 * long as it stays the same. A secret that is unchanged stays the same object.
 */
import { createHmac } from "node:crypto";
import { pathOfSecretKey, placeOfSecretKey, secretKeyOf } from "../config/etcd-secret-keys.ts";
import type { Document, SourceProblem } from "../config/source.ts";
import type { DraftPart, DraftSecret } from "./build-secret.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { ExaminedPem, PemProblem } from "./examine-pem.ts";
import { examineAuthorities, examinePair } from "./examine-pem.ts";
import { examineKeys, examineUsers } from "./examine-credentials.ts";
import type { CredentialList, Secret, SecretText } from "./intent-secret.ts";
import type { SecretValidity } from "./validity.ts";
import { momentText, soonMs } from "./validity.ts";
import type { Problem } from "./position.ts";
import { locate } from "./position.ts";

/** What is outside of the config files and belongs to it. */
export interface ReferencedContent {
  /** The files that could be read, by the path that `collectFiles` gave. */
  readonly files: readonly Document[];
  /** Those that could not; a file may be among both, with what was last read well. */
  readonly problems: readonly SourceProblem[];
  /** Keys of etcd that nobody has tried to read, by the same paths: what they hold is not examined. */
  readonly unread?: ReadonlySet<string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Now, in milliseconds since 1970. */
  readonly nowMs: number;
}

/** What became of each draft the last time; keep it between calls. */
export type SecretMemo = WeakMap<DraftSecret, ResolvedSecret>;

/** Of a part; of one on the Envoy its path, and of a key that was not read its place. */
interface PartText {
  readonly text: string;
  readonly isUnread?: boolean;
}

interface ResolvedSecret {
  readonly texts: readonly PartText[];
  readonly secret: Secret | CredentialList;
  readonly examined: ExaminedPem;
}

/** So that no other key that anybody makes from a secret of a client is this one; another text ends all sessions. */
const COOKIE_KEY_PURPOSE = "fairway oidc cookies";

/** Of no password. */
const UNREAD_HASH = `{SHA}${"A".repeat(27)}=`;

/** By whom they are delivered: secrets by SDS, lists inside of the filters that use them. */
export interface ResolvedSecrets {
  readonly secrets: readonly Secret[];
  readonly credentials: readonly CredentialList[];
  /** Of those that Fairway has read. */
  readonly validities: readonly SecretValidity[];
  readonly diagnostics: readonly Diagnostic[];
}

export function resolveSecrets(
  drafts: readonly DraftSecret[],
  content: ReferencedContent,
  memo: SecretMemo,
): ResolvedSecrets {
  const files = new Map(content.files.map((file) => [file.path, file]));
  const problems = new Map(content.problems.map((problem) => [problem.path, problem]));
  const secrets: Secret[] = [];
  const credentials: CredentialList[] = [];
  const validities: SecretValidity[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const draft of drafts) {
    const contents = { files, problems, unread: content.unread, environment: content.environment };
    const parts = draft.parts.map((part) => readPart(part, contents));
    const failed = parts.flatMap((part) => ("problem" in part ? [part.problem] : []));
    const texts = parts.flatMap((part) => ("text" in part ? [part] : []));
    if (failed.length > 0) {
      diagnostics.push(...failed.map((problem) => at(draft, problem)));
      continue;
    }
    const resolved = resolveOnce(draft, texts, memo);
    const found = [...resolved.examined.problems, ...datesOf(draft, resolved.examined, content.nowMs)];
    diagnostics.push(...found.map((problem) => pemDiagnostic(draft, problem)));
    if ("entries" in resolved.secret) credentials.push(resolved.secret);
    else secrets.push(resolved.secret);
    if (resolved.examined.validity !== undefined)
      validities.push({ secret: draft.name, ...resolved.examined.validity });
  }
  return { secrets, credentials, validities, diagnostics };
}

type PartProblem = Pick<Problem, "code" | "message"> & { readonly part: DraftPart; readonly hint?: string };

interface Contents {
  readonly files: ReadonlyMap<string, Document>;
  readonly problems: ReadonlyMap<string, SourceProblem>;
  readonly unread: ReadonlySet<string> | undefined;
  readonly environment: ReferencedContent["environment"];
}

function readPart(part: DraftPart, contents: Contents): PartText | { readonly problem: PartProblem } {
  const { where } = part;
  if (part.from === "nodeFile") return { text: where };
  if (part.from === "fromEnv") {
    const text = contents.environment[where];
    if (text !== undefined && text !== "") return { text };
    const hint = "set it where Fairway is started; a process that runs keeps the environment it began with";
    return { problem: { part, code: "invalid-secret", message: `the variable ${where} is not set`, hint } };
  }
  const path = part.from === "fromEtcd" ? pathOfSecretKey(where) : where;
  if (contents.unread?.has(path) === true) return { text: placeOfSecretKey(where), isUnread: true };
  const read = readBytes(path, contents);
  if ("problem" in read) {
    const hint =
      read.problem.hint === beside ? `${beside}; for one on the Envoy write \`nodeFile\`` : read.problem.hint;
    return { problem: { part, ...read.problem, ...(hint === undefined ? {} : { hint }) } };
  }
  return { text: new TextDecoder().decode(read.bytes) };
}

const beside = "a file is named relative to the config file that names it";

/** The content of a file that the config names. */
export function readBytes(
  path: string,
  { files, problems }: Pick<Contents, "files" | "problems">,
): { readonly bytes: Uint8Array } | { readonly problem: Omit<PartProblem, "part"> } {
  const problem = problems.get(path);
  if (problem !== undefined) return { problem: fileProblem(problem) };
  const file = files.get(path);
  if (file !== undefined) return { bytes: file.bytes };
  return { problem: fileProblem({ code: "source-missing", path, message: `${path} does not exist` }) };
}

/** Of files the source's own hint is about config directories. */
function fileProblem({
  code,
  path,
  message,
  hint: own,
}: SourceProblem): Pick<PartProblem, "code" | "message" | "hint"> {
  const hint = code === "source-missing" ? beside : secretKeyOf(path) === undefined ? undefined : own;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function resolveOnce(draft: DraftSecret, texts: readonly PartText[], memo: SecretMemo): ResolvedSecret {
  const known = memo.get(draft);
  if (known?.texts.every((text, index) => isSame(text, texts[index]))) return known;
  const alone = listOf(draft, texts) ?? clientSecretOf(draft, texts);
  if (alone !== undefined) {
    memo.set(draft, alone);
    return alone;
  }
  const byKey = new Map(draft.parts.map((part, index) => [part.key, secretText(part, texts[index] ?? noText)]));
  const { name, at: place } = draft;
  const [certificate, privateKey, ca] = [byKey.get("certificate"), byKey.get("privateKey"), byKey.get("ca")];
  const secret: Secret =
    certificate !== undefined && privateKey !== undefined
      ? { name, at: place, kind: "certificate", certificate, privateKey }
      : { name, at: place, kind: "ca", ca: ca ?? { kind: "inline", pem: "" } };
  const resolved = { texts, secret, examined: examine(secret) };
  memo.set(draft, resolved);
  return resolved;
}

const noText: PartText = { text: "" };

function isSame(a: PartText, b: PartText | undefined): boolean {
  return a.text === b?.text && a.isUnread === b.isUnread;
}

/** One part alone, which is no PEM. */
function listOf({ name, parts }: DraftSecret, texts: readonly PartText[]): ResolvedSecret | undefined {
  const [part] = parts;
  const kind = part?.key;
  if (kind !== "users" && kind !== "apiKeys") return undefined;
  const { text, isUnread } = texts[0] ?? noText;
  if (isUnread === true) {
    // Something of the right form, so that what uses the list can be looked at.
    const entries = [{ name: part?.where ?? "", secret: kind === "users" ? UNREAD_HASH : text }];
    return { texts, secret: { name, kind, entries }, examined: { problems: [] } };
  }
  const { entries, problem } = (kind === "users" ? examineUsers : examineKeys)(text);
  const problems: readonly PemProblem[] =
    problem === undefined ? [] : [{ part: kind, code: "invalid-secret", severity: "error", ...problem }];
  return { texts, secret: { name, kind, entries }, examined: { problems } };
}

/** One text, without the line break that editors put behind it. */
function clientSecretOf(
  { name, at: place, parts }: DraftSecret,
  texts: readonly PartText[],
): ResolvedSecret | undefined {
  if (parts[0]?.key !== "clientSecret") return undefined;
  const clientSecret = (texts[0] ?? noText).text.trim();
  const cookieKey = createHmac("sha256", clientSecret).update(COOKIE_KEY_PURPOSE).digest("hex");
  const message = clientSecret === "" ? "is empty" : /[\r\n]/.test(clientSecret) ? "has more than one line" : undefined;
  const hint = "put the secret there that the provider gave for this client, and nothing else";
  const problem = { part: "clientSecret", code: "invalid-secret", severity: "error", hint } as const;
  return {
    texts,
    secret: { name, at: place, kind: "clientSecret", clientSecret, cookieKey },
    examined: { problems: message === undefined ? [] : [{ ...problem, message }] },
  };
}

function secretText(part: DraftPart, { text, isUnread }: PartText): SecretText {
  if (isUnread === true) return { kind: "unread", place: text };
  return part.from === "nodeFile" ? { kind: "nodeFile", path: text } : { kind: "inline", pem: text };
}

function examine(secret: Secret): ExaminedPem {
  if (secret.kind === "ca") return secret.ca.kind === "inline" ? examineAuthorities(secret.ca.pem) : { problems: [] };
  if (secret.kind === "clientSecret") return { problems: [] };
  const { certificate, privateKey } = secret;
  return examinePair({
    ...(certificate.kind === "inline" ? { certificate: certificate.pem } : {}),
    ...(privateKey.kind === "inline" ? { privateKey: privateKey.pem } : {}),
  });
}

/** Only warnings: an old certificate serves those who do not look at its date. */
function datesOf(draft: DraftSecret, { validity }: ExaminedPem, nowMs: number): readonly PemProblem[] {
  if (validity === undefined) return [];
  const part = draft.parts[0]?.key ?? "certificate";
  const warn = (message: string, hint: string): readonly PemProblem[] => [
    { part, code: "certificate-dates", severity: "warning", message, hint },
  ];
  const { fromMs, toMs } = validity;
  const date = (ms: number) => momentText(ms, validity);
  if (fromMs > nowMs) return warn(`is not valid before ${date(fromMs)}`, "is the clock right?");
  if (toMs <= nowMs) return warn(`has expired on ${date(toMs)}`, "renew it");
  if (soonMs(validity) <= nowMs) return warn(`expires on ${date(toMs)}`, "renew it");
  return [];
}

function pemDiagnostic(draft: DraftSecret, problem: PemProblem): Diagnostic {
  const part = draft.parts.find(({ key }) => key === problem.part);
  if (part === undefined) return at(draft, { ...problem, part: { key: problem.part, from: "file", where: "" } });
  const subject =
    part.from === "fromEnv"
      ? `the variable ${part.where}`
      : part.from === "fromEtcd"
        ? placeOfSecretKey(part.where)
        : part.where;
  const { code, severity, hint } = problem;
  return at(draft, { part, code, severity, hint, message: `${subject} ${problem.message}` });
}

function at(draft: DraftSecret, problem: PartProblem & { readonly severity?: "error" | "warning" }): Diagnostic {
  const { part, ...rest } = problem;
  return locate(draft.document, { ...rest, path: [...draft.path, part.key, part.from], at: "value" });
}

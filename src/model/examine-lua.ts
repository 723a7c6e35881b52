/**
 * Whether Envoy could load a Lua script, without running any of it.
 *
 * Envoy loads a script when it gets the route that has it, and refuses the whole route configuration when that fails;
 * so the syntax is looked at before anything is sent. What the script does when it runs, only an Envoy can tell.
 */
import luaparse from "luaparse";

/** Nothing when the script can be loaded, or what is wrong: completes "`file` …". */
export type LuaProblem = { readonly message: string; readonly hint: string } | undefined;

/** A script is in every route that has it, and Envoy keeps it once for each route and worker thread. */
const SCRIPT_BYTES_MAX = 65_536;

/** What Envoy calls. */
const entryPoint = /\benvoy_on_re(?:quest|sponse)\b/;

export function examineLua(text: string): LuaProblem {
  const bytes = Buffer.byteLength(text);
  if (bytes > SCRIPT_BYTES_MAX) {
    const hint = "shorten it, or let a service do it: `extProc`";
    return { message: `has ${bytes} bytes, and a script can have ${SCRIPT_BYTES_MAX}`, hint };
  }
  const syntax = syntaxProblem(text);
  if (syntax !== undefined) return { message: syntax, hint: "the syntax is that of Lua 5.1, as LuaJIT takes it" };
  if (entryPoint.test(text)) return undefined;
  const hint =
    "define `function envoy_on_request(handle) … end`, `envoy_on_response`, or both; Envoy calls nothing else";
  return { message: "has neither envoy_on_request nor envoy_on_response", hint };
}

function syntaxProblem(text: string): string | undefined {
  try {
    luaparse.parse(text, { luaVersion: "LuaJIT", comments: false, wait: false });
    return undefined;
  } catch (cause) {
    // The parser calls itself for everything that is nested.
    if (cause instanceof RangeError) return "is nested too deeply";
    if (!(cause instanceof SyntaxError)) throw cause;
    const [, line = "?", reason = cause.message] = /^\[(\d+):\d+\] (.*)$/s.exec(cause.message) ?? [];
    return `has a mistake in its line ${line}: ${reason}`;
  }
}

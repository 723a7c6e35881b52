/**
 * Which requests the admin server does not even look at: those that a web page makes a browser send.
 *
 * The server has no login on loopback, so any page that a user of the machine opens could otherwise read it
 * by DNS rebinding (its own name pointed at 127.0.0.1, see CVE-2018-5702) or write to it across sites. A
 * name that is not ours in `Host`, and every sign of another site, is refused.
 */

/** The headers that matter, lower case as Node gives them. */
export interface RequestSigns {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
}

/** Judges requests for one server. */
export type RequestGuard = (signs: RequestSigns) => string | undefined;

/**
 * A guard that gives the reason of a refusal. `listenHost` is where the server listens; `allowedHosts` are
 * further names under which it is reached, such as that of a container.
 */
export function createRequestGuard(listenHost: string, allowedHosts: readonly string[]): RequestGuard {
  const names = new Set(["localhost", "127.0.0.1", "[::1]", bracketed(listenHost), ...allowedHosts.map(bracketed)]);
  // Rebinding needs a name; who listens on all addresses may be called by any of them.
  const anyAddress = listenHost === "0.0.0.0" || listenHost === "::";
  return ({ host, origin, secFetchSite }) => {
    const name = hostname(host);
    if (name === undefined) return "the request has no usable Host header";
    if (!names.has(name) && !(anyAddress && isAddress(name))) return `the server does not go by the name ${name}`;
    // `same-site` is another port of this machine, which is another program.
    if (secFetchSite !== undefined && secFetchSite !== "same-origin" && secFetchSite !== "none") {
      return `the request comes from another site (Sec-Fetch-Site: ${secFetchSite})`;
    }
    if (origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase() ?? ""}`) {
      return "the request comes from another origin";
    }
    return undefined;
  };
}

/** The name in a Host header without the port, lower case; undefined when it is none. */
function hostname(host: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,255}?)\.?(?::\d{1,5})?$/i.exec(host ?? "");
  return match?.[1]?.toLowerCase();
}

function isAddress(name: string): boolean {
  return name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
}

/** IPv6 addresses stand in brackets in a Host header. */
function bracketed(host: string): string {
  const lower = host.toLowerCase();
  return lower.includes(":") && !lower.startsWith("[") ? `[${lower}]` : lower;
}

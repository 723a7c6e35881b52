/**
 * Every command of `format-commands.ts` against both Envoys: each is taken as the table says, and refused otherwise.
 */
import { describe, expect, it } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { FormatCommand } from "../../src/model/format-commands.ts";
import { formatCommands, sinceEnvoy140 } from "../../src/model/format-commands.ts";
import { formatProblems } from "../../src/model/refusals-format.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { BareAds } from "./bare-ads.ts";
import { extension } from "./refusal-forms.ts";

/** Parameters of commands that do not take any text. */
const parameters: Readonly<Record<string, string>> = {
  CEL: "request.path",
  COALESCE: '{"operators":["PROTOCOL"]}',
  COMMON_DURATION: "a:b:ms",
  FILTER_STATE: "a:PLAIN",
  UPSTREAM_FILTER_STATE: "a:PLAIN",
};

/** Those whose parameter or length only an Envoy 1.40 takes. */
const widened = /_WITHOUT_PORT$|^REQUESTED_SERVER_NAME$|^DYNAMIC_METADATA$/;

/** The command in the forms that are taken, and in one that is not. */
function formsOf(name: string, { parameter, hasLength, words, isHeader }: FormatCommand, isOld: boolean) {
  const given = `(${parameters[name] ?? words?.[0] ?? "x"})`;
  const full = `%${name}${parameter === "none" ? "" : given}`;
  const isNarrow = isOld && widened.test(name);
  const right = isNarrow && parameter === "optional" ? [`%${name}%`] : [`${full}%`];
  if (parameter === "optional") right.push(`%${name}%`);
  if (hasLength && !isNarrow) right.push(`${full}:5%`);
  const wrong = [
    ...(parameter === "none" ? [`%${name}(x)%`] : []),
    ...(parameter === "required" ? [`%${name}%`] : []),
    ...(hasLength ? [] : [`${full}:5%`]),
    ...(words === undefined ? [] : [`%${name}(nope)%`]),
    ...(isHeader === true ? [`%${name}(x?y?z)%`, `%${name}(x y)%`] : []),
  ];
  return { right, wrong };
}

describe.each(["1.40", "1.36"] as const)("Envoy %s", (version) => {
  it("takes and refuses each command as the table says", { timeout: 120_000 }, async () => {
    await using ads = await BareAds.start();
    await using stack = new AsyncDisposableStack();
    stack.use(await Envoy.start({ xdsPort: ads.port, nodeId: "formats", logLevel: "error", version }));
    let count = 0;
    const isTaken = async (format: string): Promise<boolean> => {
      const said = await ads.offer(logging(format, (count += 1)));
      return said === undefined;
    };
    const different: string[] = [];
    const known = [...formatCommands].filter(([name]) => version === "1.40" || !sinceEnvoy140.has(name));
    for (const [name, command] of known) {
      const { right, wrong } = formsOf(name, command, version === "1.36");
      for (const format of right) {
        if (!(await isTaken(format)) || formatProblems(format, []).length > 0) different.push(`right: ${format}`);
      }
      for (const format of wrong) {
        if ((await isTaken(format)) || formatProblems(format, []).length === 0) different.push(`wrong: ${format}`);
      }
    }
    if (version === "1.36") {
      for (const name of sinceEnvoy140) if (await isTaken(`%${name}(a)%`)) different.push(`new: ${name}`);
    }
    expect(different).toEqual([]);
    expect(count).toBeGreaterThan(300);
  });
});

function logging(format: string, count: number) {
  const sink = {
    "@type": extension("access_loggers.stream.v3.StdoutAccessLog"),
    log_format: { text_format_source: { inline_string: format } },
  };
  const proxy = {
    "@type": extension("filters.network.tcp_proxy.v3.TcpProxy"),
    stat_prefix: "t",
    cluster: "none",
    access_log: [{ name: "log", typed_config: sink }],
  };
  return {
    "@type": typeUrls.listener,
    name: `format-${count}`,
    bind_to_port: false,
    address: { socket_address: { address: "127.0.0.1", port_value: 2_000 + count } },
    filter_chains: [{ filters: [{ name: "tcp", typed_config: proxy }] }],
  };
}

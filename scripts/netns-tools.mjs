/**
 * What the test of sidecars needs of the machine: `ip` and `iptables`, the right to make network namespaces, and a kernel
 * whose firewall redirects in them.
 */
import { spawnSync } from "node:child_process";
import { SetupError, progress, run } from "./project.mjs";

/** Debian's packages of the two. */
const packages = ["iproute2", "iptables"];

/** Whether both programs are there. */
export function hasNetnsTools() {
  return succeeds("ip", ["-V"]) && succeeds("iptables", ["--version"]);
}

/** Installs them where that is possible. */
export function installNetnsTools() {
  if (hasNetnsTools()) return;
  if (process.getuid?.() !== 0 || !succeeds("apt-get", ["--version"])) {
    throw new SetupError(`this machine lacks \`ip\` or \`iptables\`: install ${packages.join(" and ")}`);
  }
  progress(`installing Debian's ${packages.join(" and ")}`);
  run("apt-get", ["update", "-qq"]);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
}

/** Says what is missing for the test. */
export function requireNetnsTools() {
  if (process.getuid?.() !== 0) throw new SetupError("the test of sidecars makes network namespaces: run it as root");
  installNetnsTools();
  const inside = "iptables -w -t nat -A OUTPUT -p tcp -m owner --uid-owner 0 -j REDIRECT --to-ports 1";
  const tried = spawnSync("unshare", ["--net", "sh", "-c", inside], { encoding: "utf8" });
  if (tried.status === 0) return;
  const reason = (tried.error?.message ?? tried.stderr).trim();
  throw new SetupError(`the kernel redirects no connections in a network namespace of its own: ${reason}`);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function succeeds(command, args) {
  return spawnSync(command, [...args], { stdio: "ignore" }).status === 0;
}

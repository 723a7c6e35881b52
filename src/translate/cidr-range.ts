/**
 * A range of IP addresses in Envoy's form.
 */
import type { AddressRange } from "../model/address.ts";

export function cidrRange({ address, prefixLength }: AddressRange): { addressPrefix: string; prefixLen: number } {
  return { addressPrefix: address, prefixLen: prefixLength };
}

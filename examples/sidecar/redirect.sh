#!/bin/sh
# Leads the TCP connections of this machine or network namespace through the Envoy beside the application.
#
#   ENVOY_USER=envoy APP_PORTS=8080 APP_TLS_PORTS=8443 ./redirect.sh on      sets the rules, or sets them anew
#   ./redirect.sh off                                                        takes all of them back
#   ./redirect.sh show                                                       prints them
#
# ENVOY_USER     name or number of the user that Envoy runs as; nobody else may run as it: its connections are not redirected
# APP_PORTS      the application's own ports of HTTP, separated by commas; what comes for others is left alone
# APP_TLS_PORTS  those of TLS, if it has any
# NOT_TO         networks that are left alone, separated by commas, such as that of the control plane: 10.1.0.0/16
#
# It needs root (CAP_NET_ADMIN) and iptables, and is for IPv4: connections by IPv6 are left alone.
set -eu

inbound=15006     # the port of inbound/http
inbound_tls=15007 # the port of inbound/tls
outbound=15001    # the port of outbound/any

off() {
  forget nat OUTPUT FAIRWAY_OUT
  forget nat PREROUTING FAIRWAY_IN
  forget filter OUTPUT FAIRWAY_GUARD
}

# The jump first: without it the chain means nothing.
forget() {
  while iptables -w -t "$1" -D "$2" -p tcp -j "$3" 2>/dev/null; do :; done
  iptables -w -t "$1" -F "$3" 2>/dev/null || return 0
  iptables -w -t "$1" -X "$3"
}

on() {
  : "${ENVOY_USER:?the user that Envoy runs as}" "${APP_PORTS:?the ports of the application}"
  off

  # Who comes to the outbound port without having been led there would be sent on to that very port, in circles.
  iptables -w -t filter -N FAIRWAY_GUARD
  iptables -w -t filter -A FAIRWAY_GUARD -p tcp --dport "$outbound" -m conntrack ! --ctstate DNAT -j REJECT --reject-with tcp-reset
  iptables -w -t filter -A OUTPUT -p tcp -j FAIRWAY_GUARD

  iptables -w -t nat -N FAIRWAY_IN
  iptables -w -t nat -A FAIRWAY_IN -p tcp -m multiport --dports "$APP_PORTS" -j REDIRECT --to-ports "$inbound"
  if [ -n "${APP_TLS_PORTS:-}" ]; then
    iptables -w -t nat -A FAIRWAY_IN -p tcp -m multiport --dports "$APP_TLS_PORTS" -j REDIRECT --to-ports "$inbound_tls"
  fi

  iptables -w -t nat -N FAIRWAY_OUT
  # Envoy's own connections are those that have been led through it.
  iptables -w -t nat -A FAIRWAY_OUT -m owner --uid-owner "$ENVOY_USER" -j RETURN
  # This machine with itself.
  iptables -w -t nat -A FAIRWAY_OUT -o lo -j RETURN
  if [ -n "${NOT_TO:-}" ]; then iptables -w -t nat -A FAIRWAY_OUT -d "$NOT_TO" -j RETURN; fi
  iptables -w -t nat -A FAIRWAY_OUT -p tcp -j REDIRECT --to-ports "$outbound"

  # Last, so that nothing is led anywhere by half of the rules.
  iptables -w -t nat -A PREROUTING -p tcp -j FAIRWAY_IN
  iptables -w -t nat -A OUTPUT -p tcp -j FAIRWAY_OUT
}

show() {
  for table in filter nat; do iptables -w -t "$table" -S | grep FAIRWAY || true; done
}

case "${1:-}" in
on | off | show) "$1" ;;
*)
  echo "usage: [ENVOY_USER=... APP_PORTS=... NOT_TO=...] $0 on | off | show" >&2
  exit 64
  ;;
esac

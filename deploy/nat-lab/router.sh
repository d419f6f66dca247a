#!/bin/sh
# Makes a container with two interfaces a NAT: WAN and LAN are its addresses outside and inside, NAT names a file of rules.
# Then runs what it is told to.
set -eu

# interface ADDRESS: the one that has this IPv4 address.
interface() { ip -o -4 address show | awk -v address="$1" 'index($4, address "/") == 1 { print $2; exit }'; }

# rename INTERFACE NAME: rules go by the names wan and lan.
rename() { ip link set "$1" down && ip link set "$1" name "$2" && ip link set "$2" up; }

outer="$(interface "$WAN")"
inner="$(interface "$LAN")"
rename "$outer" wan
rename "$inner" lan
sed "s/@WAN@/$WAN/g" "${RULES:-/lab/rules}/$NAT.nft" | nft -f -
exec "$@"

#!/bin/sh
# The tests of redisquota start a real Redis. Where it is missing and Debian's packages can be installed, install it.
set -eu
command -v redis-server >/dev/null && exit 0
as_root=""
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && { [ -z "$as_root" ] || $as_root true 2>/dev/null; }; then
    echo "Installing Debian's redis-server for the tests"
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null
else
    echo "mizzen: the tests of redisquota need redis-server on PATH (Debian: apt-get install redis-server)" >&2
    exit 1
fi

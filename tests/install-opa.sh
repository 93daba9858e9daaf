#!/bin/sh
# The tests of opa start a real Open Policy Agent. Where target/tools/ has not the version below, build it: one to two
# minutes on two cores. The version stands here alone.
set -eu
version=1.22.2
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
"$tools/opa" version 2>/dev/null | grep -qx "Version: $version" && exit 0
echo "Building Open Policy Agent $version for the tests, once; this takes a minute or two"
export GOBIN="$tools" CGO_ENABLED=0 GOFLAGS=-modcacherw
tests/go.sh install "github.com/open-policy-agent/opa@v$version" || {
    echo "mizzen: the tests of opa need a real Open Policy Agent $version at $tools/opa; it could not be built" >&2
    exit 1
}

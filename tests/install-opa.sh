#!/bin/sh
# The tests of opa start a real Open Policy Agent: built from its Go module into target/tools/, in one to two minutes,
# unless it is there in this version. The version stands here alone.
set -eu
OPA=1.22.2
cd "$(dirname "$0")/.."
tools=$PWD/target/tools
"$tools/opa" version 2>/dev/null | grep -qx "Version: $OPA" && exit 0
. tests/go.sh
need_go 1.26 "Open Policy Agent"
echo "Building Open Policy Agent $OPA for the tests"
GOBIN=$tools GOFLAGS=-modcacherw CGO_ENABLED=0 go install "github.com/open-policy-agent/opa@v$OPA"

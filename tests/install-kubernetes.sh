#!/bin/sh
# The tests of Kubernetes start a real etcd and kube-apiserver. Where target/tools/ has not those of
# tests/kubernetes/go.mod, build them: five minutes and 2 GB of memory on two cores.
set -eu
cd "$(dirname "$0")/.."
module=tests/kubernetes/go.mod
version=$(sed -nE 's|^\tk8s.io/kubernetes (v.*)|\1|p' "$module")
folder=$PWD/target/tools/kubernetes-$version
[ -x "$folder/kube-apiserver" ] && exit 0
echo "Building kube-apiserver $version and etcd for the tests, once; this takes some minutes"
build=$folder.build
rm -rf "$build"
mkdir -p "$build"
cp "$module" "$build"
export CGO_ENABLED=0 GOFLAGS=-mod=mod
tests/go.sh build -C "$build" -trimpath -ldflags="-s -w" -o "$build/etcd" go.etcd.io/etcd/server/v3
tests/go.sh build -C "$build" -trimpath -ldflags="-s -w" -o "$build/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
mv "$build" "$folder"

#!/usr/bin/env bash
# build.sh SOURCE: builds the release's files into SOURCE/dist, from a clone with its tag checked out. The same Go release
# gives the same bytes on any machine.
set -euo pipefail
cd "$1"; version=$(git describe --exact-match --tags); mkdir -p dist
for platform in linux/amd64 darwin/arm64; do
  CGO_ENABLED=0 GOFLAGS='' GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -buildvcs=true -ldflags='-s -w -buildid=' \
    -o "dist/greet_${version#v}_${platform/\//_}" .
done
cd dist; sha256sum -- greet_* > SHA256SUMS

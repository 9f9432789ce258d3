#!/usr/bin/env bash
# refused.sh SOURCE OUT: reports for ../../refused, which are just as real but do not show what a release needs: a test run that
# ran no test, and the tests and bill of materials of the release before. SOURCE is left at the tag it was at.
set -euo pipefail
out=$(mkdir -p "$2" && cd "$2" && pwd); source=$(cd "$1" && pwd); cd "$source"; export GOFLAGS='' SYFT_CHECK_FOR_APP_UPDATE=false
tag=$(git describe --exact-match --tags); trap 'git -C "$source" checkout -q "$tag"' EXIT
gotestsum --junitfile "$out/unit-none.xml" -- -count=1 -run '^TestNothing$' ./... || true
git checkout -q v1.1.0
gotestsum --junitfile "$out/unit-v1.1.0.xml" -- -count=1 ./...
mkdir -p ../other; CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=true -ldflags='-s -w -buildid=' -o ../other/greet_1.1.0_linux_amd64 .
cd ..; SYFT_GOLANG_SEARCH_LOCAL_MOD_CACHE_LICENSES=true syft scan -q file:other/greet_1.1.0_linux_amd64 \
  --source-name greet --source-version 1.1.0 -o "spdx-json@2.3=$out/sbom-other.spdx.json"

#!/usr/bin/env bash
# evidence.sh IMAGE GREET OSV OUT: what syft and osv-scanner find in greet's image, which lies in a registry without TLS at
# IMAGE, REGISTRY/REPOSITORY:TAG, as release.sh put it there. GREET is a clone of ../quickstart/greet.bundle with the release's
# tag checked out; OSV the folder with the Go vulnerability database, osv-scalibr/Go/all.zip below it. Writes into OUT the
# reports, and COMMANDS.md, which says how they were made. syft, osv-scanner, crane and jq are on the path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
image=$1 greet=$(cd "$2" && pwd) osv=$(cd "$3" && pwd) out=$(mkdir -p "$4" && cd "$4" && pwd)
t=$(mktemp -d); trap 'chmod -R u+w "$t"; rm -rf "$t"' EXIT
export IMAGE=$image OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY=$osv
export SYFT_CHECK_FOR_APP_UPDATE=false SYFT_REGISTRY_INSECURE_USE_HTTP=true
export SYFT_GOLANG_SEARCH_LOCAL_MOD_CACHE_LICENSES=true SYFT_GOLANG_LOCAL_MOD_CACHE_DIR=$t/mod
cd "$out"
report() { # FILE TOOL COMMAND: runs the command; 1 is how scanners say that they found something
  local started rc=0; started=$(date -u +%FT%TZ)
  bash -c "$3" 2> "$t/log" || rc=$?
  [ -s "$1" ] || rc=2
  if [ $rc -gt 1 ]; then echo "evidence.sh: $3: failed" >&2; cat "$t/log" >&2; exit 1; fi
  echo "| \`$1\` | $2 | \`${3//|/\\|}\` | $started | $(date -u +%FT%TZ) |" >> COMMANDS.md
}
cat > COMMANDS.md <<MD
# How these reports were made

By [evidence.sh](../produce/evidence.sh), of the image that [../image](../image/main.go) makes of greet 1.2.0. \`IMAGE\` is where it lay, in a
registry on the same machine; \`OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY\` led to the Go vulnerability database that
[the quickstart](../../quickstart/evidence/COMMANDS.md) uses, $(sha256sum "$osv/osv-scalibr/Go/all.zip" | cut -c1-64 | sed 's/^/sha256:/').

| report | tool | command | started | finished |
|---|---|---|---|---|
MD

# Syft takes licences from the module cache; greet's own module is not published, so it is put there as its tag has it.
(cd "$greet" && GOMODCACHE=$t/mod go mod download -modcacherw
  tag=$(git describe --exact-match --tags) own=$t/mod/$(go list -m)@$(git describe --exact-match --tags)
  mkdir -p "$own" && git archive "$tag" | tar -x -C "$own")
for platform in linux/amd64 darwin/arm64; do
  os=${platform%/*}
  report "$os.spdx.json" "syft $(syft version -o json | jq -r .version)" \
    "syft scan -q registry:\$IMAGE --platform $platform --source-name greet --source-version 1.2.0 -o spdx-json@2.3=$os.spdx.json"
  TAR=$t/$os.tar; export TAR
  crane pull --insecure --platform "$platform" "$image" "$TAR"
  report "$os.osv.json" "$(osv-scanner --version | sed -n 's/ version: / /p' | head -1)" \
    "osv-scanner scan image --offline --all-packages --archive \$TAR --format json > $os.osv.json"
done
# Of an index, syft only looks at one image. What all of them hold together is put together here.
INDEX=$(crane digest --insecure "$image"); export INDEX
cp "$here/index.jq" "$t/"; export T=$t
report index.spdx.json "jq $(jq --version | sed s/jq-//)" \
  "jq -s --arg digest \$INDEX --arg now \$(date -u +%FT%TZ) -f \$T/index.jq linux.spdx.json darwin.spdx.json > index.spdx.json"
# What govulncheck found out about greet holds for the images too: they are another product, with the same program in it.
export OPENVEX=$t/openvex FOUND=$here/../../quickstart/evidence/govulncheck.openvex.json
(cd "$here/../../quickstart/produce/openvex" && go build -o "$OPENVEX" .)
report greet.openvex.json "[openvex](../../quickstart/produce/openvex/main.go) on go-vex v0.2.9" \
  "\$OPENVEX -product 'pkg:oci/greet?tag=1.2.0' -author 'Greet maintainers <security@greet.hallmark-project.dev>' -role 'Project maintainers' < \$FOUND > greet.openvex.json"
sed -i "s#\\\$OPENVEX#openvex#; s#\\\$FOUND#../../quickstart/evidence/govulncheck.openvex.json#; s#\\\$T/index.jq#../produce/index.jq#" COMMANDS.md

#!/usr/bin/env bash
# evidence.sh SOURCE OUT OSV: produces the reports on the release that build.sh left in SOURCE/dist, in OUT beside SOURCE, and
# writes OUT/COMMANDS.md, which says how. OSV is the Go vulnerability database, a zip of OSV records:
# https://osv-vulnerabilities.storage.googleapis.com/Go/all.zip. $RAA is Threagile's raa.so; the tools are on the path.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$(cd "$1" && pwd) out=$(mkdir -p "$2" && cd "$2" && pwd) osv=$(realpath "$3")
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
db=$(dirname "$source")/osv; rm -rf "$db"; mkdir -p "$db/osv-scalibr/Go" "$db/go"; cp "$osv" "$db/osv-scalibr/Go/all.zip"; unzip -q "$osv" -d "$db/go"
(cd "$here/openvex" && go build -o "$t/openvex" .); export PATH=$t:$PATH
export GOFLAGS='' OUT=../$(basename "$out") OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY=$db DB=file://$db/go
export SYFT_CHECK_FOR_APP_UPDATE=false SYFT_GOLANG_SEARCH_LOCAL_MOD_CACHE_LICENSES=true SYFT_GOLANG_LOCAL_MOD_CACHE_DIR=$t/mod

cd "$source"; tag=$(git describe --exact-match --tags) version=${tag#v}
report() { # FILES TOOL COMMAND: runs the command; 1 is how scanners say that they found something
  local started rc=0; started=$(date -u +%FT%TZ)
  bash -c "$3" > "$t/log" 2>&1 || rc=$?
  local f; for f in $1; do [ -s "$out/$f" ] || rc=2; done
  if [ $rc -gt 1 ]; then echo "evidence.sh: $3: failed" >&2; cat "$t/log" >&2; exit 1; fi
  echo "| $(sed 's/[^ ]*/`&`/g' <<< "$1") | $2 | \`${3//|/\\|}\` | $started | $(date -u +%FT%TZ) |" >> "$out/COMMANDS.md"
}
cat > "$out/COMMANDS.md" <<MD
# How these reports were made

By [evidence.sh](../produce/evidence.sh), on commit $(git rev-parse HEAD), tag $tag, with $(go version | cut -d' ' -f3) on $(go env GOOS)/$(go env GOARCH). Commands ran in the
source folder, with \`OUT=$OUT\`, and \`DB\` and \`OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY\` at the Go vulnerability database as OSV
records: $(ls "$db/go" | wc -l) of them, $(sha256sum "$osv" | cut -c1-64 | sed 's/^/sha256:/').

| report | tool | command | started | finished |
|---|---|---|---|---|
MD

# Syft takes licences from the module cache; the release's own module is not published, so it is put there as its tag has it.
GOMODCACHE=$t/mod go mod download -modcacherw; own=$t/mod/$(go list -m)@$tag; mkdir -p "$own"; git archive "$tag" | tar -x -C "$own"
for platform in linux_amd64 darwin_arm64; do
  os=${platform%_*}
  report "sbom-$os.spdx.json sbom-$os.cdx.json" "syft $(syft version -o json | jq -r .version)" \
    "syft scan -q file:dist/greet_${version}_$platform --source-name greet --source-version $version -o spdx-json@2.3=\$OUT/sbom-$os.spdx.json -o cyclonedx-json@1.6=\$OUT/sbom-$os.cdx.json"
  report osv-$os.json "$(osv-scanner --version | sed -n 's/ version: / /p' | head -1)" \
    "osv-scanner scan source --offline --no-ignore --all-packages --experimental-plugins go/binary --format json dist/greet_${version}_$platform > \$OUT/osv-$os.json"
done
govulncheck=$(govulncheck -version | sed -n 's/^Scanner: //p' | tr @ ' ')
report govulncheck.sarif "$govulncheck" 'govulncheck -db $DB -format sarif ./... > $OUT/govulncheck.sarif'
report govulncheck.openvex.json "$govulncheck" 'govulncheck -db $DB -format openvex ./... > $OUT/govulncheck.openvex.json'
report greet.openvex.json "[openvex](../produce/openvex/main.go) on go-vex v0.2.9" \
  "openvex -product pkg:golang/$(go list -m)@$tag -author 'Greet maintainers <security@greet.hallmark-project.dev>' -role 'Project maintainers' < \$OUT/govulncheck.openvex.json > \$OUT/greet.openvex.json"
report gosec.sarif "gosec $(gosec -version | sed -n 's/^Version: //p')" 'gosec -quiet -fmt sarif -out $OUT/gosec.sarif ./...'
report staticcheck.sarif "$(staticcheck -version)" 'staticcheck -f sarif ./... > $OUT/staticcheck.sarif'
report "unit.xml unit.json coverage.out" "$(gotestsum --version | sed 's/ version//')" \
  'gotestsum --junitfile $OUT/unit.xml --jsonfile $OUT/unit.json -- -count=1 -coverpkg=./... -coverprofile=$OUT/coverage.out ./...'
for format in json sarif; do
  report gitleaks.$format "gitleaks $(gitleaks version)" "gitleaks git --no-banner --log-opts=--all --report-format $format --report-path \$OUT/gitleaks.$format ."
done
report tags.txt "$(git version)" 'git show-ref --tags --dereference > $OUT/tags.txt'
report "tag.txt" "$(git version)" "git cat-file tag $tag > \$OUT/tag.txt"
report commits.txt "$(git version)" "git log --format=raw v1.1.0..$tag > \$OUT/commits.txt"
report risks.json "threagile 0.9.1" "threagile -model threat-model/threagile.yaml -output \$OUT -raa-plugin ${RAA:-raa.so} -generate-data-flow-diagram=false -generate-data-asset-diagram=false -generate-technical-assets-json=false -generate-stats-json=false -generate-risks-excel=false -generate-tags-excel=false -generate-report-pdf=false"

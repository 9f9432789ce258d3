#!/usr/bin/env bash
# export.sh DIR REPO BASE HEAD: prints what the Gitea of gitea.sh DIR says of alice/REPO from the ref BASE to the ref HEAD,
# as one JSON document: each answer of its API as it came, the pages of a list joined.
set -euo pipefail
dir=$1 repo=$2 base_ref=$3 head_ref=$4; port=${PORT:-3000}; root=http://127.0.0.1:$port/api/v1; at=repos/alice/$repo; limit=${LIMIT:-50}
user=alice:$(awk '$1 == "alice" { print $2 }' "$dir/passwords")
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
get() { curl -sS --fail-with-body -u "$user" "$root/$1"; }
all() { # PATH: every page of a list; the last is the first that is not full
  local page=1; : > "$t/pages"
  while get "$1?limit=$limit&page=$page" > "$t/page"; jq -s 'add' "$t/pages" "$t/page" > "$t/sum"; [ "$(jq length "$t/page")" = "$limit" ]; do
    cp "$t/sum" "$t/pages"; page=$((page+1))
  done
  cat "$t/sum"
}
started=$(date -u +%FT%TZ)
base=$(get "$at/git/tags/$(get "$at/git/refs/tags/$base_ref" | jq -r '.[0].object.sha')" | jq -r .object.sha)
head=$(get "$at/git/tags/$(get "$at/git/refs/tags/$head_ref" | jq -r '.[0].object.sha')" | jq -r .object.sha)
get "$at/compare/$base...$head" > "$t/compare"
[ "$(jq '.total_commits == (.commits|length)' "$t/compare")" = true ] || { echo "export.sh: the comparison is cut off" >&2; exit 1; }
for sha in $(jq -r '.commits[].sha' "$t/compare"); do get "$at/git/commits/$sha?stat=true&files=true"; done | jq -s . > "$t/commits"
for sha in $(jq -r '.[].sha' "$t/commits"); do # no pull request: 404
  n=$(curl -sS -u "$user" "$root/$at/commits/$sha/pull" | jq '.number // null'); jq -n --arg s "$sha" --argjson n "$n" '{($s): $n}'
done | jq -s add > "$t/commit_pulls"
for n in $(jq '[.[]|select(.)]|unique[]' "$t/commit_pulls"); do
  get "$at/pulls/$n" > "$t/pull"; all "$at/pulls/$n/reviews" > "$t/reviews"; all "$at/pulls/$n/commits" > "$t/pull_commits"; all "$at/pulls/$n/files" > "$t/files"
  jq -n --slurpfile p "$t/pull" --slurpfile r "$t/reviews" --slurpfile c "$t/pull_commits" --slurpfile f "$t/files" \
    '{pull: $p[0], reviews: $r[0], commits: $c[0], files: $f[0]}'
done | jq -s . > "$t/pulls"
get "$at" > "$t/repository"; get version > "$t/version"; get "$at/branch_protections" > "$t/branch_protections"; get "$at/tag_protections" > "$t/tag_protections"
all "$at/tags" > "$t/tags"; all "$at/releases" > "$t/releases"
for login in alice $(all "$at/collaborators" | jq -r '.[].login'); do
  get "$at/collaborators/$login/permission" | jq --arg l "$login" '{login: $l, permission, answer: .}'
done | jq -s . > "$t/collaborators"
args=(); for part in version repository branch_protections tag_protections commits pulls commit_pulls collaborators tags releases; do
  args+=(--slurpfile "$part" "$t/$part"); done
jq -n "${args[@]}" --arg tool "export.sh: $(curl --version | awk 'NR == 1 { print $1, $2 }'), $(jq --version)" --arg cmd "export.sh DIR $repo $base_ref $head_ref" \
  --arg started "$started" --arg exported "$(date -u +%FT%TZ)" --arg base "$base" --arg head "$head" --arg base_ref "$base_ref" --arg head_ref "$head_ref" '
  {exporter: {tool: $tool, command: $cmd, started_at: $started}, exported_at: $exported, version: $version[0], repository: $repository[0],
   base: $base, head: $head, base_ref: $base_ref, head_ref: $head_ref, branch_protections: $branch_protections[0], tag_protections: $tag_protections[0],
   commits: $commits[0], commit_pulls: $commit_pulls[0], pulls: $pulls[0], collaborators: $collaborators[0], tags: $tags[0], releases: $releases[0]}'

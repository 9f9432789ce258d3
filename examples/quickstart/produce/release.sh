#!/usr/bin/env bash
# release.sh DIR REPO TAG DIST: makes the release of TAG at the Gitea of gitea.sh DIR, with the files in DIST.
set -euo pipefail
dir=$1 repo=$2 tag=$3 dist=$4; api=http://127.0.0.1:${PORT:-3000}/api/v1/repos/alice/$repo/releases
user=alice:$(awk '$1 == "alice" { print $2 }' "$dir/passwords")
id=$(curl -sS --fail-with-body -u "$user" -H 'Content-Type: application/json' "$api" \
  -d "$(jq -n --arg t "$tag" '{tag_name: $t, name: "greet \($t|ltrimstr("v"))", body: "See CHANGELOG.md."}')" | jq .id)
for file in "$dist"/*; do curl -sS --fail-with-body -u "$user" -F "attachment=@$file" "$api/$id/assets?name=$(basename "$file")" > /dev/null; done

#!/usr/bin/env bash
# merges.sh DIR: makes the repository alice/merges on the Gitea of examples/quickstart/produce/gitea.sh DIR, with a pull
# request for each way to merge and to spoil a review, and prints its export, cut to what the reader reads.
#
#   #1 merge   left the branch before v1.0.0
#   #2 rebase  two commits
#   #3 squash
#   #4 merge   approved, then the branch was brought up to date
#   #5 merge   approved, then changed
set -euo pipefail
produce=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../../examples/quickstart/produce" && pwd)
dir=$1 repo=merges; export PORT=${PORT:-3000}; api=http://127.0.0.1:$PORT/api/v1; at=repos/alice/$repo
password() { awk -v u="$1" '$1 == u { print $2 }' "$dir/passwords"; }
call() { # LOGIN METHOD PATH [JSON]
  local body=(); [ $# -gt 3 ] && body=(-d "$4")
  curl -sS --fail-with-body -u "$1:$(password "$1")" -X "$2" -H 'Content-Type: application/json' "${body[@]}" "$api/$3"
}
commit() { # LOGIN FILE SUBJECT
  echo "$3" >> "$2"; git add "$2"
  GIT_AUTHOR_NAME=$1 GIT_AUTHOR_EMAIL=$1@greet.hallmark-project.dev GIT_COMMITTER_NAME=$1 GIT_COMMITTER_EMAIL=$1@greet.hallmark-project.dev \
    git commit -qm "$3"
}
push() { git push -q "http://$1:$(password "$1")@127.0.0.1:$PORT/alice/$repo.git" "${@:2}"; sleep 2; }
pull() { call "$1" POST "$at/pulls" "{\"head\":\"$2\",\"base\":\"main\",\"title\":\"$2\"}" | jq .number; sleep 1; }
approve() { call "$1" POST "$at/pulls/$2/reviews" "{\"event\":\"APPROVED\",\"body\":\"\",\"commit_id\":\"$(call "$1" GET "$at/pulls/$2" | jq -r .head.sha)\"}" > /dev/null; }
merge() { sleep 2; call "$1" POST "$at/pulls/$2/merge" "{\"Do\":\"$3\"}"; sleep 1; git fetch -q origin; }

call alice POST user/repos "{\"name\":\"$repo\",\"default_branch\":\"main\"}" > /dev/null
for login in bob carol; do call alice PUT "$at/collaborators/$login" '{"permission":"write"}'; done
rm -rf "$dir/$repo"; git init -q -b main "$dir/$repo"; cd "$dir/$repo"; git remote add origin "http://127.0.0.1:$PORT/alice/$repo.git"
commit alice a.txt "Begin"; git branch old; commit alice a.txt "Go on"
GIT_COMMITTER_NAME=alice GIT_COMMITTER_EMAIL=alice@greet.hallmark-project.dev git tag -a -m v1.0.0 v1.0.0
push alice main v1.0.0
call alice POST "$at/branch_protections" '{"rule_name":"main","enable_push":false,"required_approvals":1}' > /dev/null

git checkout -q old; commit bob b.txt "From before"; push bob old; pull bob old > /dev/null; approve alice 1; merge alice 1 merge
git checkout -q -b two origin/main; commit carol c.txt "One"; commit carol c2.txt "Two"; push carol two; pull carol two > /dev/null; approve bob 2
git checkout -q -b squashed origin/main; commit bob d.txt "Rough"; commit bob d.txt "Smooth"; push bob squashed; pull bob squashed > /dev/null; approve carol 3
git checkout -q -b updated origin/main; commit bob e.txt "Late"; push bob updated; pull bob updated > /dev/null; approve alice 4
merge carol 3 squash; merge bob 2 rebase
call alice POST "$at/pulls/4/update?style=merge"; sleep 2; merge alice 4 merge
git checkout -q -b changed origin/main; commit carol f.txt "Seen"; push carol changed; pull carol changed > /dev/null; approve bob 5
commit carol f.txt "Unseen"; push carol changed; merge carol 5 merge
git checkout -q -B main origin/main
GIT_COMMITTER_NAME=alice GIT_COMMITTER_EMAIL=alice@greet.hallmark-project.dev git tag -a -m v1.1.0 v1.1.0; push alice v1.1.0

bash "$produce/export.sh" "$dir" "$repo" v1.0.0 v1.1.0 | jq '
  def user: if . == null then null else {id, login, email} end;
  def commit: {sha, commit: (.commit | {author, committer, message}), author: (.author | user), committer: (.committer | user),
    parents: [.parents[] | {sha}], files};
  {exporter, exported_at, version, repository: (.repository | {full_name, default_branch, owner: (.owner | user)}),
   branch_protections: [.branch_protections[] | {rule_name}], base, head, base_ref, head_ref, commits: [.commits[] | commit], commit_pulls,
   pulls: [.pulls[] | {pull: (.pull | {number, title, user: (.user | user), merged, merged_at, merged_by: (.merged_by | user), merge_commit_sha,
       merge_base, changed_files, base: {ref: .base.ref}, head: {sha: .head.sha}}),
     reviews: [.reviews[] | {user: (.user | user), state, commit_id, stale, official, dismissed, submitted_at}],
     commits: [.commits[] | commit], files: [.files[] | {filename, previous_filename}]}],
   collaborators: [.collaborators[] | {login, permission}], tags: [.tags[] | {name, id, commit: {sha: .commit.sha}}]}'

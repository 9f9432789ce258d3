#!/usr/bin/env bash
# forge.sh DIR REPO [direct]: makes the repository alice/REPO on the Gitea of gitea.sh DIR out of history/*.patch, the way
# its people work: what led to v1.1.0 is there from the start, and everything since is a pull request that another
# person approved. With "direct", bob's change goes straight to main while the protection of that branch is lifted.
# Leaves a clone in DIR/REPO, with v1.2.0 checked out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1 repo=$2 direct=${3:-}; port=${PORT:-3000}; api=http://127.0.0.1:$port/api/v1; at=repos/alice/$repo
password() { awk -v u="$1" '$1 == u { print $2 }' "$dir/passwords"; }
call() { # LOGIN METHOD PATH [JSON]
  local body=(); [ $# -gt 3 ] && body=(-d "$4")
  curl -sS --fail-with-body -u "$1:$(password "$1")" -X "$2" -H 'Content-Type: application/json' "${body[@]}" "$api/$3"
}
name() { case $1 in alice) echo Alice Moreau;; bob) echo Bob Okafor;; carol) echo Carol Lindqvist;; renovate) echo Renovate;; esac; }
be() { # LOGIN: who commits from here on
  export GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL=$1@greet.hallmark-project.dev; GIT_COMMITTER_NAME=$(name "$1")
}
push() { # LOGIN REFSPEC…
  local login=$1; shift; git push -q "http://$login:$(password "$login")@127.0.0.1:$port/alice/$repo.git" "$@"
}
branch() { git fetch -q origin; git checkout -q -B "$1" origin/main; }

protection='{"rule_name":"main","enable_push":false,"enable_force_push":false,"required_approvals":1,"dismiss_stale_approvals":true,
  "block_on_rejected_reviews":true,"block_on_official_review_requests":true,"block_admin_merge_override":true}'
until_true() { for _ in $(seq 50); do "$@" && return; sleep 0.2; done; echo "forge.sh: waited in vain: $*" >&2; exit 1; } # Gitea's queues
known() { [ "$(curl -s "$api/$at/branches/${1/\//%2F}" | jq -r .commit.id 2>/dev/null)" = "$(git rev-parse HEAD)" ]; }
current() { [ "$(curl -s "$api/$at/pulls/$1" | jq -r .head.sha)" = "$(git ls-remote origin "refs/pull/$1/head" | cut -f1)" ]; }
mergeable() { [ "$(curl -s "$api/$at/pulls/$1" | jq .mergeable)" = true ]; }
pull() { # LOGIN BRANCH TITLE BODY → number
  until_true known "$2"
  call "$1" POST "$at/pulls" "$(jq -n --arg h "$2" --arg t "$3" --arg b "$4" '{head: $h, base: "main", title: $t, body: $b}')" | jq .number
}
review() { # LOGIN NUMBER EVENT BODY: of the revision that is the head now
  until_true current "$2"
  call "$1" POST "$at/pulls/$2/reviews" "$(jq -n --arg e "$3" --arg b "$4" --arg c "$(call "$1" GET "$at/pulls/$2" | jq -r .head.sha)" \
    '{event: $e, body: $b, commit_id: $c}')" > /dev/null
}
merge() { # LOGIN NUMBER STYLE
  until_true mergeable "$2"
  call "$1" POST "$at/pulls/$2/merge" "{\"Do\":\"$3\",\"delete_branch_after_merge\":true}"
}
tag() { # VERSION COMMIT TIME: annotated, and signed with alice's key
  be alice
  GIT_COMMITTER_DATE=$3 git -c gpg.format=ssh -c user.signingkey="$dir/alice" tag -s -m "greet $1" "$1" "$2"
}

[ -f "$dir/alice" ] || ssh-keygen -q -t ed25519 -N '' -C alice@greet.hallmark-project.dev -f "$dir/alice"
echo "alice@greet.hallmark-project.dev namespaces=\"git\" $(cut -d' ' -f1,2 "$dir/alice.pub")" > "$dir/allowed_signers"

call alice POST user/repos "{\"name\":\"$repo\",\"default_branch\":\"main\",\"description\":\"Greets someone in a language they understand\",\"private\":false}" > /dev/null
for login in bob carol renovate; do call alice PUT "$at/collaborators/$login" '{"permission":"write"}'; done
rm -rf "$dir/$repo"; git init -q -b main "$dir/$repo"; cd "$dir/$repo"
git remote add origin "http://127.0.0.1:$port/alice/$repo.git"

for patch in "$here"/history/0-*.patch; do
  be "$(sed -n 's/^From: .*<\(.*\)@.*/\1/p' "$patch")"; git am -q --committer-date-is-author-date "$patch"
done
tag v1.1.0 main 2026-10-05T08:41:17Z
push alice main v1.1.0
call alice POST "$at/branch_protections" "$protection" > /dev/null
call alice POST "$at/tag_protections" '{"name_pattern":"v*","whitelist_usernames":["alice"]}' > /dev/null

branch phrases; be alice; git am -q "$here"/history/1-phrases-1.patch; push alice phrases
n=$(pull alice phrases "Greet with phrases of one's own" "\`-phrases FILE\` takes the phrases from a YAML file.")
review carol "$n" REQUEST_CHANGES "The file may be a pipe that never ends: please limit how much is read."
be alice; git am -q "$here"/history/1-phrases-2.patch; push alice phrases
until_true known phrases
review carol "$n" APPROVED "Thank you. The limit is tested, and nothing but data is read from the file."
merge carol "$n" merge

branch renovate/text; be renovate; git am -q "$here"/history/3-text.patch; push renovate renovate/text
text=$(pull renovate renovate/text "Update golang.org/x/text to v0.3.7" "Fixes GO-2021-0113 (CVE-2021-38561).")

branch environment; be bob; git am -q "$here"/history/2-environment.patch
if [ "$direct" = direct ]; then
  call alice DELETE "$at/branch_protections/main"
  push bob environment:main
  call alice POST "$at/branch_protections" "$protection" > /dev/null
else
  push bob environment
  n=$(pull bob environment "Greet in the language of the environment" "As POSIX has it: \`LC_ALL\`, then \`LC_MESSAGES\`, then \`LANG\`.")
  review alice "$n" APPROVED "Read it against POSIX, and the values end up in language.Parse, which refuses what is no tag."
  merge alice "$n" squash
fi

review bob "$text" APPROVED "go.sum agrees with sum.golang.org, and only the fix and new tables came along."
merge bob "$text" rebase

branch threat-model; be carol; git am -q "$here"/history/4-threat-model.patch; push carol threat-model
n=$(pull carol threat-model "Write down the threat model" "It found that phrases could carry escape sequences; they cannot any more.")
review bob "$n" APPROVED "I agree with what is accepted and why."
merge bob "$n" rebase-merge

branch release-1.2.0; be alice; git am -q "$here"/history/5-release.patch; push alice release-1.2.0
n=$(pull alice release-1.2.0 "Release 1.2.0" "The changelog names what changed, and the vulnerability that is fixed.")
review carol "$n" APPROVED "Complete."
merge carol "$n" merge

git fetch -q origin; git checkout -q -B main origin/main; git branch -q -D phrases environment renovate/text threat-model release-1.2.0
tag v1.2.0 main "$(date -u +%FT%TZ)"
push alice v1.2.0
git checkout -q v1.2.0

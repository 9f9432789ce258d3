#!/usr/bin/env bash
# gitea.sh DIR: starts a Gitea on loopback, with its state in DIR, the people of the example, and their passwords in
# DIR/passwords. $GITEA is the program (default: gitea on the path); one built without bindata needs its templates,
# options and public folders in $GITEA_STATIC. Gitea refuses to run as root, so root runs it as nobody.
set -euo pipefail
dir=$1; gitea=${GITEA:-gitea}; port=${PORT:-3000}
mkdir -p "$dir"/{data,repos,custom/conf}
cp "$(command -v "$gitea")" "$dir/gitea" # nobody need not be able to read where it came from
cat > "$dir/custom/conf/app.ini" <<INI
RUN_MODE = prod
WORK_PATH = $dir
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = $port
ROOT_URL = http://127.0.0.1:$port/
STATIC_ROOT_PATH = ${GITEA_STATIC:-$dir}
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = $dir/data/gitea.db
[repository]
ROOT = $dir/repos
[security]
INSTALL_LOCK = true
SECRET_KEY = $(head -c 24 /dev/urandom | base64)
[service]
DISABLE_REGISTRATION = true
[log]
LEVEL = warn
[cron.update_checker]
ENABLED = false
[picture]
DISABLE_GRAVATAR = true
INI
as=(); if [ "$(id -u)" = 0 ]; then chown -R nobody "$dir"; as=(runuser -u nobody --); fi
run() { "${as[@]}" env HOME="$dir" GITEA_WORK_DIR="$dir" "$dir/gitea" --config "$dir/custom/conf/app.ini" "$@"; }
run migrate > "$dir/gitea.log" 2>&1
person() { # LOGIN "FULL NAME" [flags]
  local login=$1 name=$2 password; shift 2; password=$(head -c 18 /dev/urandom | base64 | tr +/ -_)
  run admin user create --username "$login" --fullname "$name" --email "$login@greet.hallmark-project.dev" \
    --password "$password" --must-change-password=false "$@" >> "$dir/gitea.log" 2>&1
  echo "$login $password" >> "$dir/passwords"
}
: > "$dir/passwords"; chmod 600 "$dir/passwords"
person operator "Forge operator" --admin
person alice "Alice Moreau"
person bob "Bob Okafor"
person carol "Carol Lindqvist"
person renovate "Renovate"
run web >> "$dir/gitea.log" 2>&1 &
echo $! > "$dir/pid"
for _ in $(seq 300); do curl -sf -o /dev/null "http://127.0.0.1:$port/api/healthz" && exit 0; sleep 0.2; done
echo "gitea.sh: no answer on port $port; see $dir/gitea.log" >&2; exit 1

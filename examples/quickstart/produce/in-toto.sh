#!/usr/bin/env bash
# in-toto.sh SOURCE OUT: tests and builds the release once more, each step recorded and signed by its own key, under a layout
# that its owner signed. The private keys are gone when this ends; the public ones are left in OUT.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); out=$(mkdir -p "$2" && cd "$2" && pwd)
in_toto() { in-toto-golang "$@"; } # what go install github.com/in-toto/in-toto-golang@v0.11.0 calls the program
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
for who in owner tester builder; do
  openssl genpkey -algorithm ed25519 -out "$t/$who.pem"; openssl pkey -in "$t/$who.pem" -pubout -out "$out/$who.pub"
done
cd "$1"; rm -rf dist; readarray -t files < <(git ls-files); materials=(); products=()
for file in "${files[@]}"; do materials+=(-m "$file"); products+=(-p "$file"); done
GOFLAGS='' in_toto run -n test -k "$t/tester.pem" -d "$out" "${materials[@]}" "${products[@]}" -- go test -count=1 ./...
mkdir dist # in-toto wants the products' folder to exist before the step
in_toto run -n build -k "$t/builder.pem" -d "$out" "${materials[@]}" -p dist -- bash ../produce/build.sh .
public() { echo "{$(in_toto key layout "$out/$1.pub")}"; }
jq -n -f "$here/layout.jq" --arg expires 2036-11-22T00:00:00Z --argjson tester "$(public tester)" --argjson builder "$(public builder)" \
  --argjson files "$(printf '%s\n' "${files[@]}" | jq -R . | jq -s .)" | jq '{signed: ., signatures: []}' > "$t/root.layout"
in_toto sign -f "$t/root.layout" -k "$t/owner.pem" -o "$out/root.layout"
in_toto verify -l "$out/root.layout" -k "$out/owner.pub" -d "$out"

#!/usr/bin/env bash
# certificate.sh [DAYS]: makes the server's certificate without cert-manager, and
# prints it as a Secret. Its authority's certificate, in base64 as webhook.yaml
# wants it for caBundle, goes to the file ca-bundle.txt.
#
#   examples/kubernetes/certificate.sh >secret.yaml
#
# The authority's key is thrown away: nobody can make a second certificate that
# the API server would take. To renew, run this again in the same folder. Then
# ca-bundle.txt has the authority before it, too: apply webhook.yaml with it
# first, secret.yaml after it, and at no moment the API server meets a
# certificate that it does not know. Nothing restarts.
set -euo pipefail
days=${1:-365}
name=hallmark-admission namespace=hallmark-system
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days "$days" -subj "/CN=$name-ca" \
	-addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign' \
	-keyout "$work/ca.key" -out "$work/ca.crt" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$name.$namespace.svc" \
	-keyout "$work/tls.key" -out "$work/tls.csr" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
printf '%s\n' "subjectAltName=DNS:$name.$namespace.svc,DNS:$name.$namespace.svc.cluster.local" \
	'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth' >"$work/extensions"
openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days "$days" -extfile "$work/extensions" \
	-out "$work/tls.crt" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }

if [ -s ca-bundle.txt ]; then
	base64 -d <ca-bundle.txt | awk '/BEGIN/ { last = "" } { last = last $0 "\n" } END { printf "%s", last }' >"$work/before.crt"
	cat "$work/before.crt" "$work/ca.crt" | base64 -w0 >"$work/ca-bundle.txt"
else
	base64 -w0 <"$work/ca.crt" >"$work/ca-bundle.txt"
fi
mv "$work/ca-bundle.txt" ca-bundle.txt
cat <<SECRET
apiVersion: v1
kind: Secret
metadata:
  name: $name-tls
  namespace: $namespace
type: kubernetes.io/tls
data:
  ca.crt: $(base64 -w0 <"$work/ca.crt")
  tls.crt: $(base64 -w0 <"$work/tls.crt")
  tls.key: $(base64 -w0 <"$work/tls.key")
SECRET

#!/usr/bin/env bash
# render.sh [OUT]: writes the plain manifests from the chart, into manifests/
# beside this script or into OUT. They are for those who do not use Helm; change
# the chart or values.yaml and run this again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/manifests}
mkdir -p "$out/cert-manager"

# template FILE [OPTION...]: the chart with the example's values as one file.
template() {
	local file=$1
	shift
	{
		printf '# Written by render.sh from the chart and values.yaml.\n'
		helm template hallmark-admission "$here/chart/hallmark-admission" --namespace hallmark-system --values "$here/values.yaml" \
			--kube-version 1.30.0 "$@" | sed '/app.kubernetes.io\/managed-by: Helm/d'
	} >"$out/$file"
}

# In two files: what runs, and what makes the API server ask it.
webhooks=(--show-only templates/webhooks.yaml)
printf '%s\n' 'apiVersion: v1' 'kind: Namespace' 'metadata:' '  name: hallmark-system' '  labels:' \
	'    # Its own pods keep to the strictest standard.' '    pod-security.kubernetes.io/enforce: restricted' >"$out/namespace.yaml"
template server.yaml --set tls.mode=secret --set webhook.enabled=false
template webhook.yaml --set tls.mode=secret "${webhooks[@]}"
template cert-manager/server.yaml --set tls.mode=cert-manager --set webhook.enabled=false
template cert-manager/webhook.yaml --set tls.mode=cert-manager "${webhooks[@]}"

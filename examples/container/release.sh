#!/usr/bin/env bash
# release.sh OUT [OPTION...]: makes greet's image for two platforms, puts it into a registry, releases it, and verifies it there
# as a consumer would. OUT is the dossier; the options are those of hallmark release, and say what signs.
#
#   HALLMARK_EXAMPLE_REGISTRY=registry.example/team examples/container/release.sh out --key release.key
#
# HALLMARK_EXAMPLE_REGISTRY is where the repository greet is to be. A registry on this machine is asked without TLS.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: release.sh OUT [OPTION...]" >&2; exit 2; }
registry=${HALLMARK_EXAMPLE_REGISTRY:?"name a registry: REGISTRY/PATH"}
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
out=$1
shift
access=()
case $registry in 127.0.0.1:* | localhost:*) access=(--allow-http-registry) ;; esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
PATH=$PATH:$work/bin
if ! command -v hallmark >/dev/null || ! command -v hallmark-verify >/dev/null; then
	go build -C "$checkout" -o "$work/bin/" ./cmd/hallmark ./cmd/hallmark-verify
fi

# The image, as an OCI image layout, and from there into the registry. Whatever builds images will do.
go run -C "$checkout" ./examples/container/image "$checkout/examples/quickstart/dist" "$work/layout"
hallmark copy "${access[@]}" "oci:$work/layout:1.2.0" "$registry/greet:1.2.0"

# hallmark.yaml names registry.example; this is where the image really is.
cp -R "$checkout/examples/container" "$checkout/examples/quickstart" "$work"
sed "s|registry\.example/|$registry/|g" "$checkout/examples/container/hallmark.yaml" >"$work/container/hallmark.yaml"

# Judged, signed, published beside the image, read back and verified.
hallmark release -f "$work/container/hallmark.yaml" --out "$out" "${access[@]}" "$@"

# A consumer has the trust file, and asks for the image by its tag.
hallmark-verify --trust "$out/trust.yaml" "${access[@]}" "$registry/greet:1.2.0"

// Command hallmark-admission lets a Kubernetes cluster run only images that are
// verified, as hallmark verify verifies them.
//
// It is an admission webhook: the API server asks it about every workload before
// it is stored, and it answers with the reason if any image is not what trust
// files ask. How to install it, what it can be told and what happens when
// something fails is in docs/admission.md.
//
// Usage:
//
//	hallmark-admission --trust-dir DIR --tls-cert FILE --tls-key FILE
//	hallmark-admission check --trust-dir DIR MANIFEST.yaml...
//
// Every option can be given in the environment: --trust-dir is
// HALLMARK_ADMISSION_TRUST_DIR.
//
// # What it serves
//
// With TLS, on --listen: /validate and /mutate for the API server, /livez and
// /readyz. Without, on --metrics-listen: /livez, /readyz, /metrics, and with
// --pprof /debug/pprof/.
//
// # Exit codes
//
//	0  it was told to stop and has answered everybody; check: allowed
//	1  check: denied
//	2  usage or configuration
//	3  it could not go on; check: could not tell
package main

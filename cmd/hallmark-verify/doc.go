// Command hallmark-verify checks that artifacts came out of a compliant
// pipeline: signature, signer, subject, verifier, policy, level, criteria and
// age, as a trust file asks. It is hallmark verify in a binary of its own,
// starts at once and needs nothing else. It uses no network but for images,
// --registry and roots that the trust file has from a TUF repository; with
// --offline, none at all.
//
// Usage:
//
//	hallmark-verify --trust trust.yaml --attestations DIR ARTIFACT...
//	hallmark-verify --trust trust.yaml REGISTRY/REPOSITORY:TAG
//
// # Exit codes
//
//	0  every artifact verified
//	1  at least one was refused
//	2  usage or configuration
//	3  could not tell about at least one, and none was refused
package main

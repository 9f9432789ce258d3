// Command hallmark judges a release against its release criteria, signs what it
// found as in-toto attestations, and lets anyone check that an artifact came
// out of a compliant pipeline.
//
// Usage:
//
//	hallmark init        begin a hallmark.yaml and a policy.yaml
//	hallmark release     judge, sign, publish and verify a release in one go
//	hallmark evaluate    judge a release by its policy
//	hallmark attest      sign what a decision found
//	hallmark publish     put artifacts and bundles where consumers look for them
//	hallmark verify      check that artifacts came out of a compliant pipeline
//	hallmark explain     say how hallmark verify comes to its answer
//	hallmark trust       write and explain trust files, keep trusted roots
//	hallmark copy        relocate images and files with all their evidence
//	hallmark replay      recompute a decision from its dossier
//	hallmark advisories  make an index of known vulnerabilities for verify
//	hallmark criteria    list what can be asked, or what a policy asks
//	hallmark inspect     show what a bundle or a dossier claims, unverified
//	hallmark key         make signing keys
//	hallmark version     say which version this is
//
// Each has --help with examples and -o json.
//
// # Exit codes
//
// The same for every command and every output format; everything but 0 denies:
//
//	0  yes: criteria met, or verified
//	1  no: criteria not met, or verification refused
//	2  usage or configuration
//	3  could not tell: evidence missing or unreadable, a service or registry
//	   that does not answer, an internal fault
//
// # Limitations
//
// A verdict that nobody else witnessed carries the time that the holder of the
// key says it was made: have a timestamp authority or a transparency log see it
// (--signing-config, --timestamp-server-url) where that matters. One statement
// is about at most 1,024 artifacts. In registries only SHA-256 is used.
package main

// Package verify decides whether an artifact came out of a compliant pipeline,
// given nothing but the artifact's digest, bundles from anywhere, and a trust
// file.
//
// [ParseTrust] reads the trust file into an [Expect], [New] makes a [Verifier]
// of it, and [Verifier.Verify] answers: a [Result] with the verified facts, a
// [*RejectionError] with every reason why not, or another error where it could
// not tell. Only the first is a yes.
//
// Whoever hands over bundles is trusted with nothing: a bundle that is missing,
// foreign, damaged or forged can withhold a yes and never make one. What a
// [Source] can do is hide a newer verdict; Expect.MaxAge bounds what that gains
// him.
//
// The newest verdict decides. Of all verified verdicts about the artifact, by
// the expected verifier, about the expected resource, the one with the latest
// time counts alone: a later FAILED withdraws an earlier PASSED.
//
// Signatures, certificates, log entries and timestamps are verified by
// sigstore-go. The package asks no network, keeps no state between calls, does
// not log, and knows nothing of criteria, reports or policies but their names.
// Bundles are found by package source, digests of files by package artifact.
package verify

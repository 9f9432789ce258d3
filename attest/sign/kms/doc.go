// Package kms asks key services for public keys and signatures, by Sigstore's
// KMS plug-in protocol v1
// (https://github.com/sigstore/sigstore/blob/v1.10.11/pkg/signature/kms/cliplugin/README.md):
// each service is a program called sigstore-kms-NAME on PATH that is started
// once a question. No cloud's library is linked.
//
// The types of the protocol are Sigstore's; the client is ours, because
// Sigstore's waits for ever, reads without end, hands a plug-in the whole
// environment, and ends the process where an answer is missing.
//
// A plug-in is believed in nothing: whoever gets a signature from [Plugin.Sign]
// checks it against the public key before using it.
package kms

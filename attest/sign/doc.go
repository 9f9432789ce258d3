// Package sign signs statements. The signatures stand in Sigstore bundles
// v0.3, which sigstore-go, cosign and package verify read.
//
// [Generate], [LoadKey] and [ParseKey] give a private key, [OpenKMS] one that a
// key service keeps, [NewKeySigner] signs with it. Keys are kept as PKCS#8 in PEM, encrypted the way cosign
// does it where a password is given, so that either tool reads the other's.
//
// No error of this package holds anything of a key or a password.
package sign

// Package pkcs11 is the plug-in sigstore-kms-pkcs11kms: it signs with keys on
// PKCS #11 tokens (smart cards, hardware security modules, SoftHSM) for
// whatever speaks Sigstore's KMS plug-in protocol, hallmark and cosign among
// them. It is a program of its own since a token's module is foreign C code,
// which must not share memory with anything else.
//
// Start with [Main]. Tokens need cgo; built without it, the plug-in says so.
package pkcs11

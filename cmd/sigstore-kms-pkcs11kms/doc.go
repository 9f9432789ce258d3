/*
Sigstore-kms-pkcs11kms signs with keys on PKCS #11 tokens: smart cards, hardware
security modules, SoftHSM. It is a plug-in of Sigstore's KMS plug-in protocol,
and whatever speaks that starts it from PATH:

	hallmark release --key 'pkcs11:token=release;object=signing?module-path=/usr/lib/softhsm/libsofthsm2.so'
	cosign sign-blob --key 'pkcs11kms://token=release;object=signing?module-path=…' FILE
	cosign generate-key-pair --kms 'pkcs11kms://token=release;object=new?module-path=…'

# Naming a key

A key is named by a PKCS #11 URI (RFC 7512): token, manufacturer, model, serial
and slot-id say which token; object (the label) and id say which key; behind the
question mark, module-path or module-name says which library speaks to the
token. PKCS11_MODULE_PATH says it where the URI does not. Whatever is named must
be there once: of two keys with one label, neither signs.

# PIN

The PIN comes from the file that pin-source names, or from PKCS11_PIN or
SIGSTORE_KMS_PKCS11_PIN; never from the URI, which every user of the machine can
see. The file has to be its owner's alone. A token with a keypad is asked without
one. Where one more wrong PIN would lock the token, none is tried.

# Keys

ECDSA on P-256 and P-384, Ed25519 where the token knows it, RSA from 2048 bits
on. New keys are made so that the token shows the private half to nobody, and
none is replaced.

# Exit codes

	0  answered
	1  an error was answered
	2  not started by a client, or built without cgo
*/
package main

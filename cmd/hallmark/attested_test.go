package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// attested STATEMENT FILE OUT KEY signs the in-toto statement in STATEMENT, in
// which SHA256, SHA384 and SHA512 stand for the digests of FILE, as somebody else
// than hallmark does: a bare DSSE envelope in OUT. The key is made from the name
// KEY, and its public part is in the file of that name.
func attested(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: attested STATEMENT FILE OUT KEY")
	}
	content, err := os.ReadFile(ts.MkAbs(args[1]))
	ts.Check(err)
	s256, s384, s512 := sha256.Sum256(content), sha512.Sum384(content), sha512.Sum512(content)
	payload := strings.NewReplacer(
		"SHA256", hex.EncodeToString(s256[:]), "SHA384", hex.EncodeToString(s384[:]), "SHA512", hex.EncodeToString(s512[:]),
	).Replace(strings.TrimSpace(ts.ReadFile(args[0])))
	seed := sha256.Sum256([]byte(args[3]))
	private := ed25519.NewKeyFromSeed(seed[:])
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644))
	const kind = "application/vnd.in-toto+json"
	pae := fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	envelope, err := json.Marshal(map[string]any{
		"payloadType": kind, "payload": base64.StdEncoding.EncodeToString([]byte(payload)),
		"signatures": []any{map[string]string{"sig": base64.StdEncoding.EncodeToString(ed25519.Sign(private, pae))}},
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), append(envelope, '\n'), 0o644))
}

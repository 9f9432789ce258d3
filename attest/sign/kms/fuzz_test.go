package kms

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/common"
)

// What is taken for a reference names one program, none of another folder, and
// no PIN goes with it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"awskms:///arn:aws:kms:eu-central-1:1:alias/key", "pkcs11:token=t;object=o?pin-source=file:/p", "pkcs11kms://object=o", "pkcs11://object=o?pin-value=1", "../../x://y", "hashivault://user:pass@host/key", "a://b://c", "\x00://", "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/versions/1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parse(s)
		if err != nil {
			if r != (reference{}) {
				t.Errorf("parse(%q) = %v together with %v", s, r, err)
			}
			return
		}
		if !Is(s) {
			t.Errorf("parse(%q) = %v, and it is no reference", s, r)
		}
		if strings.ContainsAny(r.program(), `/\. `) || !strings.HasPrefix(r.program(), "sigstore-kms-") || len(r.program()) > 100 {
			t.Errorf("parse(%q) runs %q", s, r.program())
		}
		if r.key == "" || !strings.HasSuffix(s, r.key) || strings.ContainsFunc(r.key, unicode.IsControl) || r.service == pkcs11kms && strings.Contains(strings.ToLower(s), "pin-value") {
			t.Errorf("parse(%q) asks for %q", s, r.key)
		}
	})
}

// Whatever a plug-in says is one short line without secrets.
func FuzzShow(f *testing.F) {
	f.Add("permission denied\r\nfor \x1b]0;s.esame\x07", "s.esame")
	f.Add(strings.Repeat("ä", 1000), "ää")
	f.Add("a\u202eb\xffc", "\xff")
	f.Fuzz(func(t *testing.T, text, secret string) {
		var hidden []string
		// A single letter may be one of the stars.
		if len(secret) >= minSecret && strings.Trim(secret, "*") != "" {
			hidden = append(hidden, secret)
		}
		got := show(text, hidden)
		if strings.ContainsFunc(got, unicode.IsControl) || !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxLine+1 {
			t.Errorf("show(%q) = %q", text, got)
		}
		if len(hidden) > 0 && !strings.Contains(secret, "*") && printable(secret) && strings.Contains(got, secret) {
			t.Errorf("show(%q, %q) = %q, which shows it", text, secret, got)
		}
	})
}

// printable reports whether s comes out of show as it went in, so that what is
// found was there, and was not made by joining what stood around a space.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == unicode.ReplacementChar || !unicode.IsPrint(r) })
}

// Whatever is taken out of an answer is a key that can be written again, or a
// signature with something in it.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"publicKey":{"publicKeyPEM":"bXlwZW0="}}`))
	f.Add([]byte(`{"signMessage":{"signature":"bXlwZW0="}}`))
	f.Add([]byte(`{"publicKey":null,"signMessage":{}}`))
	pem := "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
	good, err := json.Marshal(common.PluginResp{PublicKey: &common.PublicKeyResp{PublicKeyPEM: []byte(pem)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, data []byte) {
		var resp common.PluginResp
		if json.Unmarshal(data, &resp) != nil {
			return
		}
		if key, err := publicKey(&resp); err == nil {
			again, err := cryptoutils.MarshalPublicKeyToPEM(key)
			if err != nil {
				t.Fatalf("publicKey(%s) = %v, which cannot be written: %v", data, key, err)
			}
			resp = common.PluginResp{PublicKey: &common.PublicKeyResp{PublicKeyPEM: again}}
			same, err := publicKey(&resp)
			if err != nil || cryptoutils.EqualKeys(key, same) != nil {
				t.Errorf("publicKey(%s) = %v, and then %v, %v", data, key, same, err)
			}
		}
		if sig, err := signatureOf(&resp); err == nil && len(sig) == 0 {
			t.Errorf("signatureOf(%s) is empty", data)
		}
	})
}

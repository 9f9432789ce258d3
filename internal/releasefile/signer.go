package releasefile

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// outages are the words that signer.outage may be.
var outages = []string{"", "fail", "timestamp", "queue"}

// faults tells need what in s cannot be meant.
func (s SignerSpec) faults(node *yaml.Node, need func(ok bool, at *yaml.Node, format string, args ...any)) {
	at := func(key string) *yaml.Node {
		if n := child(node, key); n != nil {
			return n
		}
		return node
	}
	if node == nil {
		return
	}
	urls := s.FulcioURL != "" || s.RekorURL != "" || s.TimestampServerURL != ""
	need(s.Key == "" || !s.Keyless, at("keyless"), "signer has a key and is keyless: expected one of both")
	need(s.SigningConfig == "" || !urls, at("signingConfig"), "signer has a signingConfig and addresses of services: expected one of both")
	need(s.TrustedRoot != "" || s.SigningConfig == "" && !urls, node,
		"signer.trustedRoot is missing: what the services answer is held against it, and consumers need it")
	need(s.RekorVersion >= 0 && s.RekorVersion <= 2, at("rekorVersion"), "signer.rekorVersion must be 1 or 2")
	need(s.RekorVersion == 0 || s.RekorURL != "", at("rekorVersion"), "signer.rekorVersion is for signer.rekorUrl, which is missing")
	need(s.FulcioURL == "" || s.Keyless, at("fulcioUrl"), "signer.fulcioUrl is for keyless: true")
	need((s.Identity == "") == (s.Issuer == ""), node, "signer.identity and signer.issuer belong together: a name means something with who vouches for it")
	need(s.Identity == "" || s.Keyless, at("identity"), "signer.identity is for keyless: true")
	need(!s.Private || s.RekorURL == "", at("private"), "signer.private makes no log entry, and signer.rekorUrl names a log")
	need(slices.Contains(outages, s.Outage), at("outage"), "signer.outage is %q, expected fail, timestamp or queue", s.Outage)
}

package criteria

// PublicGoodRoots are the trusted roots of Sigstore's public instance that a
// policy accepts where it names none. A root that was here stays here: releases
// that were judged with it can still be judged again.
//
// The release file says which root a report is verified with, so a root counts
// only because the policy accepts its bytes. Otherwise a pipeline could bring a
// root of its own, and with it any signer it likes.
func PublicGoodRoots() []Digest {
	var out []Digest
	for _, s := range []string{
		// Of module github.com/sigstore/sigstore v1.10.11,
		// pkg/tuf/repository/targets/trusted_root.json.
		"4364d7724c04cc912ce2a6c45ed2610e8d8d1c4dc857fb500292738d4d9c8d2c",
	} {
		out = append(out, Digest{"sha256", s})
	}
	return out
}

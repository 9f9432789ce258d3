package criteria_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/criteria"
)

// signedReport is a format of signed reports: it says what it was read with.
type signedReport struct{ report }

func (s signedReport) ReadSigned(r io.Reader, trust []byte) (criteria.Facts, error) {
	f, err := s.Read(r)
	f.Tool.Name = string(trust)
	return f, err
}

// A report is verified with the bytes that were declared, or it is unreadable: no
// other root may take their place between gathering and replaying.
func TestReadSignedEvidence(t *testing.T) {
	f := signedReport{report{name: "f", gives: []criteria.Fact{criteria.FactTests}, facts: criteria.Facts{Tests: &criteria.Tests{Passed: 1}}}}
	root := []byte("root")
	declared := criteria.Declared{TrustedRoot: criteria.DigestOf(root)}
	for name, c := range map[string]struct {
		trust    []byte
		declared criteria.Declared
		tool     string
		problem  string
	}{
		"the declared root":     {root, declared, "root", ""},
		"none declared":         {nil, criteria.Declared{}, "", ""},
		"another root":          {[]byte("other"), declared, "", "something else was given"},
		"no root":               {nil, declared, "", "something else was given"},
		"a root out of nowhere": {root, criteria.Declared{}, "", "something else was given"},
	} {
		e := criteria.ReadSignedEvidence(f, "r", []byte("report"), c.trust, nil, c.declared)
		if e.Facts.Tool.Name != c.tool || !strings.Contains(e.Problem, c.problem) || (c.problem == "") != (e.Problem == "") {
			t.Errorf("%s: read with %q, problem %q; want %q, %q", name, e.Facts.Tool.Name, e.Problem, c.tool, c.problem)
		}
		if e.Declared.TrustedRoot != c.declared.TrustedRoot {
			t.Errorf("%s: Declared.TrustedRoot = %v, want %v", name, e.Declared.TrustedRoot, c.declared.TrustedRoot)
		}
	}
	// One who forgets the root gets no facts either.
	if e := criteria.ReadEvidence(f, "r", []byte("report"), declared); e.Problem == "" {
		t.Errorf("ReadEvidence with a declared root = %+v, want a problem", e)
	}
}

// registered is a format that a package registry signs as well.
type registered struct{ signedReport }

func (r registered) ReadRegistry(in io.Reader, trust, keys []byte) (criteria.Facts, error) {
	return r.ReadSigned(in, append(slices.Clone(trust), keys...))
}

// So it is with the registry's keys; and a format that does not know what to do
// with them is not read as if it had done it.
func TestReadSignedEvidence_registryKeys(t *testing.T) {
	signed := signedReport{report{name: "f", gives: []criteria.Fact{criteria.FactTests}, facts: criteria.Facts{Tests: &criteria.Tests{Passed: 1}}}}
	root, keys := []byte("root"), []byte("keys")
	for name, c := range map[string]struct {
		format   criteria.Format
		keys     []byte
		declared criteria.Digest
		tool     string
		problem  string
	}{
		"the declared keys":   {registered{signed}, keys, criteria.DigestOf(keys), "rootkeys", ""},
		"none declared":       {registered{signed}, nil, criteria.Digest{}, "root", ""},
		"other keys":          {registered{signed}, []byte("other"), criteria.DigestOf(keys), "", "something else was given"},
		"no keys":             {registered{signed}, nil, criteria.DigestOf(keys), "", "something else was given"},
		"keys out of nowhere": {registered{signed}, keys, criteria.Digest{}, "", "something else was given"},
		"a format without":    {signed, keys, criteria.DigestOf(keys), "", "no package registry signs"},
		"an unsigned format":  {signed.report, keys, criteria.DigestOf(keys), "", "no package registry signs"},
	} {
		d := criteria.Declared{TrustedRoot: criteria.DigestOf(root), RegistryKeys: c.declared}
		e := criteria.ReadSignedEvidence(c.format, "r", []byte("report"), root, c.keys, d)
		if e.Facts.Tool.Name != c.tool || !strings.Contains(e.Problem, c.problem) || (c.problem == "") != (e.Problem == "") {
			t.Errorf("%s: read with %q, problem %q; want %q, %q", name, e.Facts.Tool.Name, e.Problem, c.tool, c.problem)
		}
	}
}

func TestTrustedRoots(t *testing.T) {
	p, err := criteria.ParsePolicy("policy.yaml", []byte("profile: basic\n"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.TrustedRoots(); !slices.Equal(got, criteria.PublicGoodRoots()) || len(got) == 0 {
		t.Errorf("TrustedRoots() = %v where the policy names none, want the public-good ones", got)
	}
	own := criteria.DigestOf([]byte("own"))
	if p, err = criteria.ParsePolicy("policy.yaml", []byte("profile: basic\ntrustedRoots: ["+own.String()+"]\n"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := p.TrustedRoots(); !slices.Equal(got, []criteria.Digest{own}) {
		t.Errorf("TrustedRoots() = %v, want the policy's alone", got)
	}
	if p, err = criteria.ParsePolicy("policy.yaml", []byte("profile: basic\ntrustedRoots: []\n"), nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := p.TrustedRoots(); len(got) != 0 {
		t.Errorf("TrustedRoots() = %v where the policy accepts none, want none", got)
	}
	for text, want := range map[string]string{
		"trustedRoots: [gitCommit:" + strings.Repeat("1", 40) + "]": "policy.yaml:2:16: trustedRoots takes the SHA-256",
		"trustedRoots: [root.json]":                                 "policy.yaml:2:16",
	} {
		if _, err := criteria.ParsePolicy("policy.yaml", []byte("profile: basic\n"+text+"\n"), nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePolicy(%s) = %v, want an error with %q", text, err, want)
		}
	}
}

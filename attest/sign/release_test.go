package sign_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-project/hallmark/attest"
	"github.com/hallmark-project/hallmark/attest/sign"
	"github.com/hallmark-project/hallmark/criteria"
)

const (
	resource   = "pkg:golang/example.com/greet@1.2.0"
	verifierID = "https://example.com/release-gate/v1"
)

func artifact(n int) []byte { return fmt.Appendf(nil, "artifact %d", n) }

// release is a decision about n artifacts, passed or not.
func release(t testing.TB, n int, status criteria.Status) criteria.Decision {
	t.Helper()
	commit, err := criteria.ParseDigest("gitCommit:d20ace7968ba43c0219f62d71334c1095bab1602")
	if err != nil {
		t.Fatal(err)
	}
	d := criteria.Decision{
		Schema: criteria.DecisionSchema,
		Release: criteria.Release{
			Name: "greet", Version: "1.2.0", Resource: resource,
			Source: criteria.Subject{Name: "source", Digest: commit},
		},
		Policy: criteria.PolicyRef{Profile: criteria.Basic, Digest: criteria.DigestOf([]byte("policy"))},
		Time:   time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC),
		Passed: status.Satisfied(),
	}
	if d.Passed {
		d.Levels = []criteria.Level{criteria.Basic}
	}
	for i := range n {
		s := criteria.Subject{Name: fmt.Sprintf("greet-%d", i), Digest: criteria.DigestOf(artifact(i))}
		d.Release.Artifacts = append(d.Release.Artifacts, s)
		d.Judgements = append(d.Judgements, criteria.Judgement{
			Criterion: "tests-pass", Level: criteria.Basic, Subject: s, Outcome: criteria.Outcome{Status: status},
		})
	}
	return d
}

func statements(t testing.TB, d criteria.Decision) []attest.Statement {
	t.Helper()
	all, err := attest.Statements(d, attest.Options{
		Verifier: verifierID, VerifierVersion: map[string]string{"hallmark": "1.0.0"}, PolicyURI: "https://example.com/policy.yaml",
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func verdict(t testing.TB, n int, status criteria.Status) attest.Statement {
	t.Helper()
	return statements(t, release(t, n, status))[0]
}

// RSA keys take seconds to make, so all tests share one of each size.
var (
	rsa3072 = sync.OnceValues(func() (*sign.Key, error) { return sign.Generate(sign.RSA3072) })
	rsa4096 = sync.OnceValues(func() (*sign.Key, error) { return sign.Generate(sign.RSA4096) })
)

func generate(t testing.TB, a sign.Algorithm) *sign.Key {
	t.Helper()
	make := func() (*sign.Key, error) { return sign.Generate(a) }
	switch a {
	case sign.RSA3072:
		make = rsa3072
	case sign.RSA4096:
		make = rsa4096
	}
	k, err := make()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signed(t testing.TB, k *sign.Key, s attest.Statement) attest.Bundle {
	t.Helper()
	b, err := keySigner(t, k).Sign(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

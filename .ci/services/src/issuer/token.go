package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const keyID = "loopback"

type claims map[string]any

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

func publicJWK(key *rsa.PublicKey) map[string]string {
	return map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID,
		"n": text(key.N.Bytes()), "e": text(big.NewInt(int64(key.E)).Bytes()),
	}
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign returns c as a JWT (RFC 7519, RS256).
func (i *issuer) sign(c claims) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": keyID})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	input := text(header) + "." + text(body)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return input + "." + text(signature), nil
}

// common are the claims that every token has. A lifetime below zero makes a
// token that was good until then.
func (i *issuer) common(audience string, lifetime time.Duration) claims {
	now := time.Now()
	issued := now
	if lifetime <= 0 {
		issued = now.Add(lifetime - 10*time.Minute)
	}
	return claims{
		"iss": i.url, "aud": audience,
		"iat": issued.Unix(), "nbf": issued.Add(-5 * time.Second).Unix(), "exp": now.Add(lifetime).Unix(),
	}
}

// workflow claims to be a run of the release workflow of acme/app. Their names:
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
func workflow(c claims, _ url.Values) {
	const (
		ref  = "refs/heads/main"
		sha  = "0123456789abcdef0123456789abcdef01234567"
		file = "acme/app/.github/workflows/release.yml@" + ref
	)
	for k, v := range map[string]string{
		"sub": "repo:acme/app:ref:" + ref, "actor": "alice", "event_name": "push",
		"repository": "acme/app", "repository_id": "101", "repository_owner": "acme", "repository_owner_id": "7", "repository_visibility": "public",
		"ref": ref, "ref_type": "branch", "sha": sha,
		"workflow": "release", "workflow_ref": file, "workflow_sha": sha, "job_workflow_ref": file, "job_workflow_sha": sha,
		"run_id": "42", "run_number": "9", "run_attempt": "1", "runner_environment": "github-hosted",
	} {
		c[k] = v
	}
}

// person claims to be whoever has the address asked for.
func person(c claims, q url.Values) {
	email := q.Get("email")
	if email == "" {
		email = defaultEmail
	}
	c["sub"], c["email"], c["email_verified"] = email, email, true
}

// workload claims to be the release job of the trust domain example.test.
func workload(c claims, _ url.Values) { c["sub"] = "spiffe://example.test/release" }

// mint gives tests a token with any claim altered:
//
//	GET PATH/mint?audience=sigstore&lifetime=10m&email=E&claim.NAME=VALUE
//
// The answer is the token and nothing else.
func mint(mux *http.ServeMux, path string, i *issuer, who func(claims, url.Values)) {
	mux.HandleFunc("GET "+path+"/mint", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		lifetime := 10 * time.Minute
		if s := q.Get("lifetime"); s != "" {
			var err error
			if lifetime, err = time.ParseDuration(s); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		c := i.common(audience(q), lifetime)
		who(c, q)
		for k, v := range q {
			name, ok := strings.CutPrefix(k, "claim.")
			if !ok {
				continue
			}
			c[name] = v[0]
			if v[0] == "true" || v[0] == "false" {
				c[name] = v[0] == "true"
			}
		}
		token, err := i.sign(c)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, token)
	})
}

func audience(q url.Values) string {
	if a := q.Get("audience"); a != "" {
		return a
	}
	return "sigstore"
}

// ambient is the endpoint that a GitHub Actions runner gives to its jobs, as
// ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN.
func ambient(mux *http.ServeMux, path string, i *issuer, bearer string) {
	mux.HandleFunc("GET "+path+"/request", func(w http.ResponseWriter, r *http.Request) {
		scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "bearer") || got != bearer {
			answer(w, http.StatusUnauthorized, map[string]string{"message": "unauthorized"})
			return
		}
		c := i.common(audience(r.URL.Query()), 10*time.Minute)
		workflow(c, nil)
		token, err := i.sign(c)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		answer(w, http.StatusOK, map[string]any{"count": len(token), "value": token})
	})
}

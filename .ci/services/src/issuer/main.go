// Command issuer is an OpenID Connect provider on loopback for tests. It says
// whatever it is asked to say, so nothing outside a test may ever trust it.
//
// It is three issuers at one address: URL/actions speaks as GitHub Actions does,
// of workflows; URL/spiffe of workloads; URL/email of people, and has the
// interactive flows. The first line it prints is its URL.
package main

import (
	"crypto/rsa"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	bearer := os.Getenv("ISSUER_BEARER") // not a flag: arguments can be read by everyone
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	flag.Parse()
	if bearer == "" {
		log.Fatal("ISSUER_BEARER is empty, expected what requests for workflow tokens must carry")
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	url := "http://" + listener.Addr().String()

	key := newKey()
	workflows := &issuer{url: url + "/actions", key: key}
	people := &issuer{url: url + "/email", key: key}
	workloads := &issuer{url: url + "/spiffe", key: key}
	mux := http.NewServeMux()
	workflows.serve(mux, "/actions")
	people.serve(mux, "/email")
	workloads.serve(mux, "/spiffe")
	ambient(mux, "/actions", workflows, bearer)
	mint(mux, "/actions", workflows, workflow)
	mint(mux, "/email", people, person)
	mint(mux, "/spiffe", workloads, workload)
	interactive(mux, "/email", people)

	fmt.Println(url)
	log.Fatal((&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(listener))
}

// issuer signs claims under one URL.
type issuer struct {
	url string
	key *rsa.PrivateKey
}

// serve offers what verifiers of tokens ask for.
// https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
func (i *issuer) serve(mux *http.ServeMux, path string) {
	mux.HandleFunc("GET "+path+"/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"issuer":                                i.url,
			"jwks_uri":                              i.url + "/keys",
			"authorization_endpoint":                i.url + "/auth",
			"device_authorization_endpoint":         i.url + "/device/code",
			"token_endpoint":                        i.url + "/token",
			"response_types_supported":              []string{"code"},
			"grant_types_supported":                 []string{"authorization_code", deviceGrant},
			"code_challenge_methods_supported":      []string{"S256"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported":                      []string{"openid", "email"},
		})
	})
	mux.HandleFunc("GET "+path+"/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"keys": []any{publicJWK(&i.key.PublicKey)}})
	})
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	defaultEmail = "alice@example.test"
	deviceGrant  = "urn:ietf:params:oauth:grant-type:device_code"
)

// grant is what somebody has asked for and not yet been given.
type grant struct {
	client, redirect, nonce, challenge, email string
	expires                                   time.Time
	user                                      string // the device flow's user code
	state                                     string // of a device grant: waiting, approved, denied
}

// grants are all of them, by code. A code is good for one answer.
type grants struct {
	mu  sync.Mutex
	all map[string]*grant
}

// interactive offers the authorization code flow with PKCE, and the device
// flow. Whoever comes to the login page is logged in at once, as login_hint or
// as alice; whoever opens the device page approves, with deny=1 denies.
func interactive(mux *http.ServeMux, path string, i *issuer) {
	g := &grants{all: make(map[string]*grant)}
	mux.HandleFunc("GET "+path+"/auth", g.authorize)
	mux.HandleFunc("POST "+path+"/device/code", func(w http.ResponseWriter, r *http.Request) { g.device(w, r, i) })
	mux.HandleFunc("GET "+path+"/device", g.approve)
	mux.HandleFunc("POST "+path+"/token", func(w http.ResponseWriter, r *http.Request) { g.token(w, r, i) })
}

// refuse answers as RFC 6749, section 5.2, has it.
func refuse(w http.ResponseWriter, code, why string) {
	answer(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": why})
}

func (g *grants) put(code string, q *grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all[code] = q
}

func email(hint string) string {
	if hint == "" {
		return defaultEmail
	}
	return hint
}

// authorize is section 4.1.1 of RFC 6749, with section 4.3 of RFC 7636. The
// redirection must go to loopback (RFC 8252, section 7.3).
func (g *grants) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil || back.Scheme != "http" || !loopback(back.Hostname()) {
		http.Error(w, "redirect_uri is not on loopback", http.StatusBadRequest)
		return
	}
	out := back.Query()
	out.Set("state", q.Get("state"))
	switch {
	case q.Get("client_id") == "":
		out.Set("error", "unauthorized_client")
	case q.Get("response_type") != "code":
		out.Set("error", "unsupported_response_type")
	case q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "":
		out.Set("error", "invalid_request")
		out.Set("error_description", "PKCE with S256 is required")
	case !strings.Contains(" "+q.Get("scope")+" ", " openid "):
		out.Set("error", "invalid_scope")
	default:
		code := rand.Text()
		g.put(code, &grant{
			client: q.Get("client_id"), redirect: q.Get("redirect_uri"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"),
			email: email(q.Get("login_hint")), expires: time.Now().Add(time.Minute),
		})
		out.Set("code", code)
	}
	back.RawQuery = out.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// device is section 3.1 of RFC 8628.
func (g *grants) device(w http.ResponseWriter, r *http.Request, i *issuer) {
	client := r.PostFormValue("client_id")
	if client == "" {
		refuse(w, "invalid_client", "client_id is missing")
		return
	}
	code, user := rand.Text(), rand.Text()[:8]
	g.put(code, &grant{
		client: client, nonce: r.PostFormValue("nonce"), challenge: r.PostFormValue("code_challenge"),
		email: email(r.PostFormValue("login_hint")), expires: time.Now().Add(time.Minute), user: user, state: "waiting",
	})
	answer(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": user, "expires_in": 60, "interval": 1,
		"verification_uri": i.url + "/device", "verification_uri_complete": i.url + "/device?user_code=" + user,
	})
}

func (g *grants) approve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.all {
		if q.user == "" || q.user != r.FormValue("user_code") || q.state != "waiting" {
			continue
		}
		if q.state = "approved"; r.FormValue("deny") != "" {
			q.state = "denied"
		}
		_, _ = w.Write([]byte(q.state + "\n"))
		return
	}
	http.Error(w, "no such code", http.StatusNotFound)
}

// token is section 4.1.3 of RFC 6749 and section 3.4 of RFC 8628.
func (g *grants) token(w http.ResponseWriter, r *http.Request, i *issuer) {
	client := r.PostFormValue("client_id")
	if name, _, ok := r.BasicAuth(); ok {
		client = name
	}
	device := r.PostFormValue("grant_type") == deviceGrant
	code := r.PostFormValue("code")
	switch {
	case device:
		code = r.PostFormValue("device_code")
	case r.PostFormValue("grant_type") != "authorization_code":
		refuse(w, "unsupported_grant_type", "")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.all[code]
	switch {
	case q == nil || q.client != client || device != (q.user != "") || !device && q.redirect != r.PostFormValue("redirect_uri"):
		refuse(w, "invalid_grant", "no such code")
		return
	case device && time.Now().After(q.expires):
		refuse(w, "expired_token", "")
		return
	case device && q.state == "waiting":
		refuse(w, "authorization_pending", "")
		return
	}
	delete(g.all, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case device && q.state == "denied":
		refuse(w, "access_denied", "")
		return
	case time.Now().After(q.expires):
		refuse(w, "invalid_grant", "the code has expired")
		return
	case q.challenge != "" && subtle.ConstantTimeCompare([]byte(text(sum[:])), []byte(q.challenge)) != 1:
		refuse(w, "invalid_grant", "the code verifier does not match")
		return
	}
	c := i.common(q.client, 10*time.Minute)
	person(c, url.Values{"email": {q.email}})
	if q.nonce != "" {
		c["nonce"] = q.nonce
	}
	id, err := i.sign(c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]any{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 600, "id_token": id})
}

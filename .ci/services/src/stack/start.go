package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// stack is the servers of one folder.
type stack struct {
	dir, log  string
	bin       programs
	processes []*process
	ended     chan *process
}

// services is what services.json says.
type services struct {
	Issuer          issuer            `json:"issuer"`
	Fulcio          string            `json:"fulcio"`
	CTLog           string            `json:"ctlog"`
	Rekor           string            `json:"rekor"`   // v2
	RekorV1         string            `json:"rekorV1"` // v1
	Timestamp       string            `json:"timestamp"`
	Registry        string            `json:"registry"`        // host:port, with the referrers API
	RegistryWithout string            `json:"registryWithout"` // host:port, without it
	Sigstore        trust             `json:"sigstore"`        // Fulcio, Rekor v2, timestamp authority
	SigstoreV1      trust             `json:"sigstoreV1"`      // Fulcio, Rekor v1
	Stranger        stranger          `json:"stranger"`
	FulcioChain     string            `json:"fulcioChain"`    // PEM file
	TimestampChain  string            `json:"timestampChain"` // PEM file
	CTLogKey        string            `json:"ctlogKey"`       // PEM file
	RekorKey        string            `json:"rekorKey"`       // PEM file
	RekorV1Key      string            `json:"rekorV1Key"`     // PEM file
	Programs        map[string]string `json:"programs"`       // the peers, by name
	Logs            string            `json:"logs"`           // what the servers wrote
}

// issuer is where identity tokens come from.
type issuer struct {
	Actions string `json:"actions"` // issuer of workflow identities
	Email   string `json:"email"`   // issuer of people's
	Spiffe  string `json:"spiffe"`  // issuer of workloads'
	// What a GitHub Actions runner puts into the environment.
	RequestURL   string `json:"requestURL"`
	RequestToken string `json:"requestToken"`
}

// stranger is a Fulcio that no trusted root but its own knows, whose certificates
// are in no log. It shares Rekor v2 and the timestamp authority.
type stranger struct {
	trust
	Fulcio      string `json:"fulcio"`
	FulcioChain string `json:"fulcioChain"` // PEM file
}

// trust is a Sigstore deployment as clients are told of it.
type trust struct {
	SigningConfig string `json:"signingConfig"`
	TrustedRoot   string `json:"trustedRoot"`
}

// since is when the keys of the stack began to be valid.
const since = "2020-01-01T00:00:00Z"

const host = "127.0.0.1"

// start starts everything in the order in which one needs the other: the issuer
// before Fulcio, which asks it for its keys; Fulcio before the certificate log,
// which accepts only certificates under its root.
func (s *stack) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startup)
	defer cancel()
	for _, d := range []string{s.log, filepath.Join(s.dir, "home"), filepath.Join(s.dir, "tmp")} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
	}
	// Anything older is another stack's.
	for _, d := range []string{"rekor", "fulcio.sock", "stranger.sock"} {
		if err := os.RemoveAll(s.path(d)); err != nil {
			return err
		}
	}
	free, err := ports(13)
	if err != nil {
		return err
	}
	next := func() string {
		port := free[0]
		free = free[1:]
		return port
	}
	local := func(port string) string { return "http://" + host + ":" + port }

	out := services{Logs: s.log, Programs: make(map[string]string)}
	for name, path := range s.bin {
		out.Programs[name] = path
	}

	bearer := rand.Text()
	p, err := s.launch("issuer", "issuer", []string{"ISSUER_BEARER=" + bearer})
	if err != nil {
		return err
	}
	base, err := p.line(ctx)
	if err != nil {
		return err
	}
	out.Issuer = issuer{
		Actions: base + "/actions", Email: base + "/email", Spiffe: base + "/spiffe",
		// Runners give a URL that has a query already.
		RequestURL: base + "/actions/request?api-version=2.0", RequestToken: bearer,
	}
	if err := p.answers(ctx, out.Issuer.Actions+"/keys"); err != nil {
		return err
	}

	ctlog := next()
	out.CTLog = local(ctlog) + "/ctlog"
	if err := s.write("fulcio.yaml", fulcioConfig(out.Issuer)); err != nil {
		return err
	}
	if out.Fulcio, out.FulcioChain, err = s.fulcio(ctx, "fulcio", out.CTLog, [3]string{next(), next(), next()}); err != nil {
		return err
	}
	// Without a log, so that there are certificates that no log has promised to
	// hold; and of a root of its own, so that there is somebody to distrust.
	if out.Stranger.Fulcio, out.Stranger.FulcioChain, err = s.fulcio(ctx, "stranger", "", [3]string{next(), next(), next()}); err != nil {
		return err
	}

	p, err = s.launch("trillian", "trillian", nil, "-logs", "2")
	if err != nil {
		return err
	}
	var trillian [3]string // address, a log for certificates, a log for Rekor v1
	for i := range trillian {
		if trillian[i], err = p.line(ctx); err != nil {
			return err
		}
	}
	_, trillianPort, _ := strings.Cut(trillian[0], ":")

	key, public, err := newECDSA()
	if err != nil {
		return err
	}
	out.CTLogKey = s.path("ctlog.pub")
	if err := errors.Join(s.write("ctlog.pub", public), s.write("ctlog.cfg", ctlogConfig(trillian[1], out.FulcioChain, key))); err != nil {
		return err
	}
	p, err = s.launch("ctlog", "ct_server", nil, "--log_config", s.path("ctlog.cfg"), "--log_rpc_server", trillian[0], "--http_endpoint", host+":"+ctlog, "--logtostderr")
	if err != nil {
		return err
	}
	if err := p.answers(ctx, out.CTLog+"/ct/v1/get-roots"); err != nil {
		return err
	}

	private, public, err := newEd25519()
	if err != nil {
		return err
	}
	out.RekorKey = s.path("rekor.pub")
	if err := errors.Join(s.write("rekor.key", private), s.write("rekor.pub", public)); err != nil {
		return err
	}
	port := next()
	out.Rekor = local(port)
	p, err = s.launch(
		"rekor", "rekor-server-posix", nil, "serve", "--http-address", host, "--http-port", port, "--grpc-address", host, "--grpc-port", next(), "--http-metrics-port", next(),
		"--storage-dir", s.path("rekor"), "--signer-filepath", s.path("rekor.key"), "--persistent-antispam=false",
		// The name in its checkpoints must be the host of its URL in the trusted
		// root, without the port.
		"--hostname", host,
		// Who logs an entry waits for both.
		"--batch-max-age", "50ms", "--checkpoint-interval", "500ms",
	)
	if err != nil {
		return err
	}
	if err := p.answers(ctx, out.Rekor+"/healthz"); err != nil {
		return err
	}

	port = next()
	out.RekorV1 = local(port)
	p, err = s.launch(
		"rekor-v1", "rekor-server", nil, "serve", "--rekor_server.address", host, "--port", port, "--rekor_server.hostname", host, "--rekor_server.signer", "memory",
		"--trillian_log_server.address", host, "--trillian_log_server.port", trillianPort, "--trillian_log_server.tlog_id", trillian[2],
		// The index would be in Redis or MySQL.
		"--enable_retrieve_api=false",
	)
	if err != nil {
		return err
	}
	if err := p.answers(ctx, out.RekorV1+"/api/v1/log/publicKey"); err != nil {
		return err
	}
	out.RekorV1Key = s.path("rekor-v1.pub")
	if err := s.fetch(ctx, out.RekorV1+"/api/v1/log/publicKey", "rekor-v1.pub"); err != nil {
		return err
	}

	p, err = s.launch("timestamp", "timestamp", nil)
	if err != nil {
		return err
	}
	at, err := p.line(ctx)
	if err != nil {
		return err
	}
	out.Timestamp = "http://" + at + "/api/v1/timestamp"
	out.TimestampChain = s.path("timestamp-chain.pem")
	if err := p.answers(ctx, "http://"+at+"/ping"); err != nil {
		return err
	}
	if err := s.fetch(ctx, out.Timestamp+"/certchain", "timestamp-chain.pem"); err != nil {
		return err
	}

	p, err = s.launch("registry", "registry", nil)
	if err != nil {
		return err
	}
	if out.Registry, err = p.line(ctx); err != nil {
		return err
	}
	if err := p.answers(ctx, "http://"+out.Registry+"/v2/"); err != nil {
		return err
	}
	out.RegistryWithout = host + ":" + next()
	p, err = s.launch("registry-without", "crane", nil, "registry", "serve", "--address", out.RegistryWithout)
	if err != nil {
		return err
	}
	if err := p.answers(ctx, "http://"+out.RegistryWithout+"/v2/"); err != nil {
		return err
	}

	if err := s.trust(ctx, &out); err != nil {
		return err
	}
	data, err := json.MarshalIndent(out, "", "\t")
	if err != nil {
		return err
	}
	// Who sees the file may rely on it, so it appears whole.
	if err := s.write(servicesFile+".new", string(data)+"\n"); err != nil {
		return err
	}
	return os.Rename(s.path(servicesFile+".new"), s.path(servicesFile))
}

// fulcio starts a Fulcio and returns its URL and the file with its certificates.
func (s *stack) fulcio(ctx context.Context, name, ctlog string, ports [3]string) (url, file string, err error) {
	url = "http://" + host + ":" + ports[0]
	p, err := s.launch(
		name, "fulcio", nil, "serve", "--host", host, "--port", ports[0], "--grpc-host", host, "--grpc-port", ports[1], "--metrics-port", ports[2],
		"--ca", "ephemeralca", "--ct-log-url", ctlog, "--config-path", s.path("fulcio.yaml"),
		// In the folder, and named shortly: a socket's path has at most 107 bytes.
		"--legacy-unix-domain-socket", name+".sock",
	)
	if err != nil {
		return "", "", err
	}
	if err := p.answers(ctx, url+"/healthz"); err != nil {
		return "", "", err
	}
	chain, err := fulcioChain(ctx, url)
	if err != nil {
		return "", "", err
	}
	return url, s.path(name + "-chain.pem"), s.write(name+"-chain.pem", chain)
}

// trust has cosign write what clients are told, so that it is another's idea of
// the formats and not ours.
func (s *stack) trust(ctx context.Context, out *services) error {
	service := func(url, version string) string {
		return fmt.Sprintf("url=%s,api-version=%s,start-time=%s,operator=loopback", url, version, since)
	}
	authority := func(url, chain string) string {
		return "url=" + url + ",certificate-chain=" + chain + ",start-time=" + since
	}
	fulcio := authority(out.Fulcio, out.FulcioChain)
	rekor := "url=" + out.Rekor + ",public-key=" + out.RekorKey + ",start-time=" + since + ",origin=" + host
	ctfe := "url=" + out.CTLog + ",public-key=" + out.CTLogKey + ",start-time=" + since
	out.Sigstore = trust{s.path("signing_config.json"), s.path("trusted_root.json")}
	out.Stranger.trust = trust{s.path("signing_config.stranger.json"), s.path("trusted_root.stranger.json")}
	out.SigstoreV1 = trust{s.path("signing_config.v1.json"), s.path("trusted_root.v1.json")}
	for _, args := range [][]string{
		{
			"signing-config", "create", "--out", out.Sigstore.SigningConfig,
			"--fulcio", service(out.Fulcio, "1"), "--oidc-provider", service(out.Issuer.Email, "1"),
			"--rekor", service(out.Rekor, "2"), "--rekor-config", "ANY", "--tsa", service(out.Timestamp, "1"), "--tsa-config", "ANY",
		},
		{
			"trusted-root", "create", "--out", out.Sigstore.TrustedRoot, "--fulcio", fulcio, "--ctfe", ctfe,
			"--rekor", rekor, "--tsa", authority(out.Timestamp, out.TimestampChain),
		},
		{
			"signing-config", "create", "--out", out.Stranger.SigningConfig,
			"--fulcio", service(out.Stranger.Fulcio, "1"), "--oidc-provider", service(out.Issuer.Email, "1"),
			"--rekor", service(out.Rekor, "2"), "--rekor-config", "ANY", "--tsa", service(out.Timestamp, "1"), "--tsa-config", "ANY",
		},
		{
			"trusted-root", "create", "--out", out.Stranger.TrustedRoot, "--fulcio", authority(out.Stranger.Fulcio, out.Stranger.FulcioChain),
			"--rekor", rekor, "--tsa", authority(out.Timestamp, out.TimestampChain),
		},
		{
			"signing-config", "create", "--out", out.SigstoreV1.SigningConfig,
			"--fulcio", service(out.Fulcio, "1"), "--oidc-provider", service(out.Issuer.Email, "1"),
			"--rekor", service(out.RekorV1, "1"), "--rekor-config", "ANY",
		},
		{
			"trusted-root", "create", "--out", out.SigstoreV1.TrustedRoot, "--fulcio", fulcio, "--ctfe", ctfe,
			"--rekor", "url=" + out.RekorV1 + ",public-key=" + out.RekorV1Key + ",start-time=" + since,
		},
	} {
		c := exec.CommandContext(ctx, s.bin["cosign"], args...)
		c.Env = environment(s.dir)
		if text, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("running cosign %s: %w\n%s", strings.Join(args[:2], " "), err, text)
		}
	}
	return nil
}

func (s *stack) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stack) write(name, content string) error {
	return os.WriteFile(s.path(name), []byte(content), 0o600)
}

// fetch writes what is at url to a file.
func (s *stack) fetch(ctx context.Context, url, name string) error {
	data, err := get(ctx, url)
	if err != nil {
		return err
	}
	return s.write(name, string(data))
}

func get(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, answer.Status)
	}
	return data, nil
}

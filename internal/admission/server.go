package admission

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/semaphore"

	"github.com/hallmark-project/hallmark/internal/oci"
)

// Options is what a [Server] is made of.
type Options struct {
	// TrustDir holds admission.yaml and the trust files.
	TrustDir string
	// Certificate and Key are the serving certificate's files, and ClientCA, if
	// not empty, whose certificates who asks must show one of.
	Certificate, Key, ClientCA string
	// Access is how registries are reached; its Credentials and Refuse are set
	// here.
	Access oci.Access
	// Credentials makes what registries are shown of what lies in
	// CredentialFiles, and again when they change.
	Credentials     func() oci.Credentials
	CredentialFiles []string
	Limits          Limits
	// Reload is how often files are looked at.
	Reload time.Duration
	// Warm is a file that lists images to look at before anyone asks.
	Warm string
	// Pprof serves profiles beside the metrics.
	Pprof bool
	Log   *slog.Logger
	Now   func() time.Time
}

// Server answers API servers.
type Server struct {
	o       Options
	log     *slog.Logger
	now     func() time.Time
	metrics *metrics
	asker   *asker
	cert    *certificate // nil where none is shown
	state   atomic.Pointer[state]
	stop    context.CancelFunc // ends all lookups

	draining atomic.Bool
	requests chan struct{}       // a slot for each
	large    *semaphore.Weighted // bytes of bodies that are larger than most

	watching sync.Mutex // what follows belongs to who watches
	shows    [sha256.Size]byte
	version  int
	changing string            // the digest of what is not yet believed to be whole
	broken   map[string]string // what was last said of what cannot be used
}

// New returns a Server with what its trust directory says now.
func New(o Options) (*Server, error) {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		o: o, log: o.Log, now: o.Now, stop: stop, broken: make(map[string]string),
		requests: make(chan struct{}, maxRequests), large: semaphore.NewWeighted(maxLarge),
	}
	s.metrics = newMetrics(func() (int, int) { return s.asker.verdicts.len(), int(s.asker.pending.Load()) })
	s.asker = newAsker(ctx, o.Now, o.Limits, s.metrics)
	s.shows = s.credentialSum()
	if err := s.load(); err != nil {
		stop()
		return nil, err
	}
	if o.Certificate != "" {
		s.cert = &certificate{certFile: o.Certificate, keyFile: o.Key, clientCA: o.ClientCA}
		if _, err := s.cert.load(); err != nil {
			stop()
			return nil, err
		}
		s.metrics.certificate.Set(float64(s.cert.current.Load().pair.Leaf.NotAfter.Unix()))
	}
	return s, nil
}

// Close ends all lookups.
func (s *Server) Close() { s.stop() }

// load takes over what lies in the trust directory.
func (s *Server) load() error {
	c, err := readContents(s.o.TrustDir)
	if err != nil {
		return err
	}
	return s.take(c)
}

func (s *Server) take(c *contents) error {
	before := s.state.Load()
	next, err := newState(c, before, s.now, func(allowed []netip.Prefix) *repositories {
		id := strconv.Itoa(s.version) + fmt.Sprint(allowed)
		if before != nil && before.repos.id == id {
			return before.repos
		}
		a := s.o.Access
		if s.o.Credentials != nil {
			a.Credentials = s.o.Credentials()
		}
		return newRepositories(id, a, allowed)
	})
	if err != nil {
		return err
	}
	// The verifiers have read the trusted roots themselves.
	again, err := readContents(s.o.TrustDir)
	if err != nil {
		return err
	}
	if again.digest != c.digest {
		return errChanging
	}
	s.state.Store(next)
	s.metrics.state(next)
	return nil
}

// Watch looks at files until ctx ends, and takes over what changed.
func (s *Server) Watch(ctx context.Context) {
	tick := time.NewTicker(s.o.Reload)
	defer tick.Stop()
	s.warm(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.look(ctx)
		}
	}
}

// look looks at all files once.
func (s *Server) look(ctx context.Context) {
	s.watching.Lock()
	defer s.watching.Unlock()
	if sum := s.credentialSum(); sum != s.shows {
		s.shows = sum
		s.version++
		// The state is made anew, with other credentials.
		if err := s.load(); err != nil {
			s.report(watchCredentials, err)
		} else {
			s.report(watchCredentials, nil)
		}
	}
	changed, err := s.lookTrust()
	if changed || err != nil {
		s.report(watchTrust, err)
	}
	if changed && err == nil {
		s.warm(ctx)
	}
	if s.cert != nil {
		if changed, err := s.cert.load(); changed || s.broken[watchCertificate] != "" {
			s.report(watchCertificate, err)
			s.metrics.certificate.Set(float64(s.cert.current.Load().pair.Leaf.NotAfter.Unix()))
		}
	}
}

// lookTrust takes over the trust directory if it changed. What is not replaced
// as a whole has to be found the same twice before it is believed: half a list
// of policies is one that asks for less.
func (s *Server) lookTrust() (changed bool, err error) {
	c, err := readContents(s.o.TrustDir)
	if err != nil {
		s.changing = ""
		return false, err
	}
	if c.digest == s.state.Load().digest {
		s.changing = ""
		return s.broken[watchTrust] != "", nil // it is again what it was
	}
	if !c.atomic && s.changing != c.digest {
		s.changing = c.digest
		return false, nil
	}
	if err := s.take(c); errors.Is(err, errChanging) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	s.changing = ""
	return true, nil
}

// report records that something changed and was taken over, or could not be.
func (s *Server) report(what string, err error) {
	if err == nil {
		s.metrics.reloads.WithLabelValues(what, "loaded").Inc()
		s.metrics.stale.WithLabelValues(what).Set(0)
		delete(s.broken, what)
		s.log.Info("reloaded", "what", what, "policies", len(s.state.Load().policies), "digest", s.state.Load().digest)
		return
	}
	s.metrics.stale.WithLabelValues(what).Set(1)
	// Said once, not at every look.
	if s.broken[what] == err.Error() {
		return
	}
	s.broken[what] = err.Error()
	s.metrics.reloads.WithLabelValues(what, "refused").Inc()
	s.log.Error("what is there now cannot be used: what was there before stays in force", "what", what, "error", err.Error())
}

// credentialSum is a sum of the files with credentials.
func (s *Server) credentialSum() [sha256.Size]byte {
	h := sha256.New()
	add := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			data = nil
		}
		note(h, path, data)
	}
	for _, path := range s.o.CredentialFiles {
		entries, err := os.ReadDir(path)
		if err != nil {
			add(path)
			continue
		}
		for _, e := range entries {
			if e.Type().IsRegular() || e.Type()&os.ModeSymlink != 0 {
				add(filepath.Join(path, e.Name()))
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Ready says why the server cannot answer, or nothing.
func (s *Server) Ready() string {
	switch {
	case s.draining.Load():
		return "it is being stopped"
	case s.state.Load() == nil:
		return "no policies are loaded"
	case s.cert != nil:
		return s.cert.valid(s.now())
	}
	return ""
}

// Handler answers on the address that the API server knows.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/validate", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "validate", s.review("validate", false)) })
	mux.HandleFunc("/mutate", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "mutate", s.review("mutate", true)) })
	mux.HandleFunc("/gatekeeper", func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, "gatekeeper", s.provide) })
	s.health(mux)
	return mux
}

// MetricsHandler answers on the address for those who watch.
func (s *Server) MetricsHandler() http.Handler {
	mux := http.NewServeMux()
	s.health(mux)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second}))
	if s.o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func (s *Server) health(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := s.Ready(); why != "" {
			http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
}

// Listeners are where a server listens.
type Listeners struct {
	// Webhook is for the API server, and is spoken to with TLS. Metrics may be nil.
	Webhook, Metrics net.Listener
}

// Drain says how a server stops.
type Drain struct {
	// Delay is how long it goes on answering after it has said that it is not
	// ready: so long it takes until everybody has heard.
	Delay time.Duration
	// Timeout is how long requests have after that.
	Timeout time.Duration
}

// Serve answers until ctx ends, and then stops without losing a request.
func (s *Server) Serve(ctx context.Context, l Listeners, d Drain) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.Close()
	silent := slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)
	webhook := &http.Server{
		Handler: s.Handler(), TLSConfig: s.cert.config(), ErrorLog: silent,
		// The longest that an API server waits is 30 seconds.
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 40 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	watched := &http.Server{Handler: s.MetricsHandler(), ErrorLog: silent, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 2)
	go func() { failed <- webhook.ServeTLS(l.Webhook, "", "") }()
	if l.Metrics != nil {
		go func() { failed <- watched.Serve(l.Metrics) }()
	}
	go s.Watch(ctx)
	s.log.Info("serving", "address", l.Webhook.Addr().String(), "policies", len(s.state.Load().policies), "digest", s.state.Load().digest)

	var err error
	select {
	case err = <-failed:
		// Half a server is none.
	case <-ctx.Done():
	}
	s.draining.Store(true)
	if err == nil {
		s.log.Info("stopping", "delay", d.Delay.String())
		time.Sleep(d.Delay)
	}
	end, stop := context.WithTimeout(context.Background(), d.Timeout)
	defer stop()
	errs := []error{err, webhook.Shutdown(end), watched.Shutdown(end)}
	s.log.Info("stopped")
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil || errors.Is(err, http.ErrServerClosed) })...)
}

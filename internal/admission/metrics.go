package admission

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what is measured. Labels have values from a closed list or from
// admission.yaml, never from a request.
type metrics struct {
	registry *prometheus.Registry

	requests    *prometheus.CounterVec   // endpoint, answer
	decisions   *prometheus.CounterVec   // policy, mode, outcome, reason
	duration    *prometheus.HistogramVec // endpoint
	hits        prometheus.Counter
	misses      prometheus.Counter
	lookups     *prometheus.CounterVec   // what, outcome
	lookupTime  *prometheus.HistogramVec // what
	failedOpen  *prometheus.CounterVec   // policy
	glass       prometheus.Counter
	exempt      prometheus.Counter
	reloads     *prometheus.CounterVec // what, outcome
	stale       *prometheus.GaugeVec   // what
	loaded      prometheus.Gauge
	roots       *prometheus.GaugeVec // trust, root
	certificate prometheus.Gauge
	inFlight    prometheus.Gauge
}

func newMetrics(a func() (verdicts, pending int)) *metrics {
	const ns = "hallmark_admission"
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: ns, Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: ns, Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.requests = counter("requests_total", "Requests that were answered: allowed, denied, or no AdmissionReview.", "endpoint", "answer")
	m.decisions = counter("decisions_total", "What policies said of images, and why.", "policy", "mode", "outcome", "reason")
	m.duration = histogram("request_duration_seconds", "How long answers took.",
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "endpoint")
	m.hits = counter("cache_hits_total", "Questions about an image under a policy that were answered from what is kept.").WithLabelValues()
	m.misses = counter("cache_misses_total", "Questions about an image under a policy for which something had to be looked up.").WithLabelValues()
	m.lookups = counter("registry_lookups_total", "Lookups in registries, by what for and how they ended.", "what", "outcome")
	m.lookupTime = histogram("registry_lookup_duration_seconds", "How long lookups in registries took.",
		[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "what")
	m.failedOpen = counter("failed_open_total", "Images that were admitted because it could not be told whether they are good.", "policy")
	m.glass = counter("break_glass_total", "Requests that were admitted by the break-glass annotation.").WithLabelValues()
	m.exempt = counter("exempt_total", "Requests in exempt namespaces, admitted without a question.").WithLabelValues()
	m.reloads = counter("reloads_total", "Times that the trust directory, the certificate or the credentials were found changed: taken over, or refused.", "what", "outcome")
	m.stale = gauge("stale", "1 while the trust directory, the certificate or the credentials on disk cannot be used and the old ones are.", "what")
	m.loaded = gauge("policies_loaded_timestamp_seconds", "When the policies in force were loaded.").WithLabelValues()
	m.roots = gauge("trusted_root_written_timestamp_seconds", "When a trusted root's file was written.", "trust", "root")
	m.certificate = gauge("certificate_expires_timestamp_seconds", "When the serving certificate ends.").WithLabelValues()
	m.inFlight = gauge("requests_in_flight", "Requests that are being answered.").WithLabelValues()
	m.registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: ns, Name: "cache_entries", Help: "Verdicts that are kept."}, func() float64 { n, _ := a(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: ns, Name: "lookups_in_flight", Help: "Lookups that are under way or wait for their turn."}, func() float64 { _, n := a(); return float64(n) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, what := range []string{watchTrust, watchCertificate, watchCredentials} {
		m.stale.WithLabelValues(what).Set(0)
		m.reloads.WithLabelValues(what, "loaded").Add(0)
		m.reloads.WithLabelValues(what, "refused").Add(0)
	}
	return m
}

// What is watched for changes.
const (
	watchTrust       = "trust"
	watchCertificate = "certificate"
	watchCredentials = "credentials"
)

func (m *metrics) lookup(what string, err error, took time.Duration) {
	outcome := "answered"
	if err != nil {
		outcome, _ = classify(err)
	}
	m.lookups.WithLabelValues(what, outcome).Inc()
	m.lookupTime.WithLabelValues(what).Observe(took.Seconds())
}

// state shows s.
func (m *metrics) state(s *state) {
	m.loaded.Set(float64(s.loaded.UnixNano()) / 1e9)
	m.roots.Reset()
	for _, r := range s.roots {
		m.roots.WithLabelValues(r.trust, r.path).Set(float64(r.written.UnixNano()) / 1e9)
	}
}

// decision counts d.
func (m *metrics) decision(d *decision) {
	for _, f := range d.findings {
		m.decisions.WithLabelValues(f.policy, string(f.mode), f.v.outcome, f.v.reason).Inc()
		if f.open && d.allowed && !d.glass {
			m.failedOpen.WithLabelValues(f.policy).Inc()
		}
	}
	if d.glass {
		m.glass.Inc()
	}
	if d.exempt {
		m.exempt.Inc()
	}
}

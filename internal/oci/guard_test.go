package oci_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/hallmark-project/hallmark/internal/oci"
)

func TestOutside(t *testing.T) {
	for _, s := range []string{
		"127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1", "2001:db8::1",
		"::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::10.0.0.1", "2606:4700::1%eth0",
		// Behind a translator of one's own, wherever in the address it looks.
		"64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00:808:808", "::ffff:0:169.254.169.254", "::ffff:0:8.8.8.8",
		"2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "3fff::1", "100::1",
		"168.63.129.16", "64:ff9b::a83f:8110",
	} {
		if oci.Outside(netip.MustParseAddr(s)) {
			t.Errorf("Outside(%s) = true", s)
		}
	}
	for _, s := range []string{"1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::", "2001:200::1", "2001:4860:4860::8888"} {
		if !oci.Outside(netip.MustParseAddr(s)) {
			t.Errorf("Outside(%s) = false", s)
		}
	}
	if oci.Outside(netip.Addr{}) {
		t.Error("Outside of no address = true")
	}
}

// What is refused is the address that is dialled: the registry's own, one that a
// name leads to, one that a redirect or a token service is at.
func TestRefusedAddresses(t *testing.T) {
	w := newWorld(t, true)
	other := newWorld(t, true)
	refuse := func(host string) func(netip.AddrPort) error {
		return func(a netip.AddrPort) error {
			if a.String() == host {
				return fmt.Errorf("%s is inside", a.Addr())
			}
			return nil
		}
	}
	a := access
	a.Refuse = refuse(w.host)
	// By name: what counts is what it leads to.
	_, port, _ := strings.Cut(w.host, ":")
	for _, host := range []string{w.host, "localhost:" + port} {
		a := a
		a.Refuse = func(to netip.AddrPort) error {
			if to.Addr().IsLoopback() {
				return fmt.Errorf("%s is inside", to.Addr())
			}
			return nil
		}
		_, err := open(t, host+"/team/app", a).Manifest(context.Background(), "v1")
		if !errors.Is(err, oci.ErrAddress) || strings.Contains(err.Error(), "attempts") {
			t.Errorf("Manifest at %s = %v, want that the address is not allowed, once", host, err)
		}
	}
	if got := w.requests(); len(got) != 0 {
		t.Errorf("the refused registry was asked %v", got)
	}
	// Elsewhere by redirect, and by the token service it names.
	a.Refuse = refuse(other.host)
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			http.Redirect(rw, r, "http://"+other.host+r.URL.Path, http.StatusTemporaryRedirect)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	if _, err := open(t, w.host+"/team/app", a).Manifest(context.Background(), "v1"); !errors.Is(err, oci.ErrAddress) {
		t.Errorf("redirected to a refused address: %v", err)
	}
	w.set(func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			rw.Header().Set("WWW-Authenticate", `Bearer realm="http://`+other.host+`/token",service="x"`)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.ServeHTTP(rw, r)
	})
	if _, err := open(t, w.host+"/team/app", a).Manifest(context.Background(), "v1"); !errors.Is(err, oci.ErrAddress) {
		t.Errorf("sent to a token service at a refused address: %v", err)
	}
	if got := other.requests(); len(got) != 0 {
		t.Errorf("the refused address was asked %v", got)
	}
}

// Of bundles beyond the bound none is left out: it could be the one that
// withdraws a release.
func TestMaxBundles(t *testing.T) {
	w := newWorld(t, true)
	d, h := putFile(t, w.open(t), "one", "1")
	var total int64
	var all [][]byte
	for i := range 9 {
		b := bundle(fmt.Sprint(i))
		all = append(all, b)
		total += int64(len(b))
	}
	refer(t, w.open(t), d, all...)
	a := access
	a.MaxBundles = total
	if got, err := open(t, w.host+"/team/app", a).Bundles(context.Background(), h, maxBundle); err != nil || len(got) != 9 {
		t.Errorf("Bundles = %d, %v, want 9", len(got), err)
	}
	a.MaxBundles--
	if got, err := open(t, w.host+"/team/app", a).Bundles(context.Background(), h, maxBundle); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("Bundles = %d, %v, want that there is more than the bound", len(got), err)
	}
	// What is kept is bounded, too, and asked for again.
	a = access
	a.MaxKept = 1
	r := open(t, w.host+"/team/app", a)
	for range 2 {
		w.requests()
		if got, err := r.Bundles(context.Background(), h, maxBundle); err != nil || len(got) != 9 {
			t.Errorf("Bundles = %d, %v, want 9", len(got), err)
		}
		if n := len(w.requests()); n < 18 {
			t.Errorf("%d requests with nothing kept, want at least 18", n)
		}
	}
}

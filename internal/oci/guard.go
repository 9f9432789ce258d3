package oci

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// ErrAddress is met where a name leads to an address that [Access].Refuse
// refuses.
var ErrAddress = errors.New("address not allowed")

// guard asks refuse about the address that is about to be connected to. A name
// that leads elsewhere the second time it is resolved gains nothing: what is
// asked about is what the kernel is given.
func guard(refuse func(netip.AddrPort) error) func(context.Context, string, string, syscall.RawConn) error {
	if refuse == nil {
		return nil
	}
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %q cannot be read", ErrAddress, clean(address, 100))
		}
		if err := refuse(to); err != nil {
			return fmt.Errorf("%w: %w", ErrAddress, err)
		}
		return nil
	}
}

// inner are the networks that are not the Internet's (IANA's registries of
// special-purpose addresses), but for those that package netip knows.
var inner = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // between a provider and its customers; clouds keep services there
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("168.63.129.16/32"), // Azure answers its machines there
	netip.MustParsePrefix("::/8"),             // translated and mapped addresses, but for those in wrapped
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"), // protocols, tunnels among them
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("3fff::/20"),
	netip.MustParsePrefix("5f00::/16"),
	netip.MustParsePrefix("fec0::/10"),
}

// wrapped are the networks whose addresses hold one of IPv4, and where in them.
// Where in one of 64:ff9b:1::/48 is for the network to choose (RFC 8215), so
// those are inner.
var wrapped = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12},
}

// Outside reports whether ip is an address of the Internet: neither this
// machine's, nor its network's, nor a cloud's metadata service. An address of
// IPv6 that leads to one of IPv4 is judged by that.
func Outside(ip netip.Addr) bool {
	ip = ip.Unmap()
	if ip.Zone() != "" {
		return false
	}
	if ip.Is6() {
		for _, w := range wrapped {
			if w.prefix.Contains(ip) {
				b := ip.As16()
				return Outside(netip.AddrFrom4([4]byte(b[w.at : w.at+4])))
			}
		}
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() &&
		!slices.ContainsFunc(inner, func(p netip.Prefix) bool { return p.Contains(ip) })
}

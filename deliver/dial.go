package deliver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/roomreel/roomreel/recording"
)

// The codes of URLs that are refused.
const (
	// CodeURLInvalid: it cannot be parsed, or has no host, userinfo or a fragment.
	CodeURLInvalid recording.Code = "URL_INVALID"
	// CodeURLScheme: its scheme is not allowed.
	CodeURLScheme recording.Code = "URL_SCHEME_NOT_ALLOWED"
	// CodeURLPort: its port is not allowed.
	CodeURLPort recording.Code = "URL_PORT_NOT_ALLOWED"
	// CodeURLAddress: its host is, or has in DNS, an address that is not allowed.
	CodeURLAddress recording.Code = "URL_ADDRESS_NOT_ALLOWED"
)

// URLPolicy says which of the URLs that callers give may be dialled. The zero
// value allows https on the ports 80 and 443 of public addresses: what the IANA
// special-purpose registries list is refused, and so are addresses that wrap
// IPv4 ones (mapped, NAT64, 6to4, Teredo).
type URLPolicy struct {
	AllowHTTP bool
	// AllowPorts are ports besides 80 and 443.
	AllowPorts []uint16
	// AnyPort allows all of them.
	AnyPort bool
	// AllowCIDRs are ranges that are allowed although they are not public.
	AllowCIDRs []netip.Prefix
	// AllowHosts are hosts, as URLs name them, that may have any address.
	AllowHosts []string
	// Resolver is net.DefaultResolver when nil.
	Resolver *net.Resolver
}

// Check parses a URL and refuses what can be refused without asking DNS, with
// one of the codes of this package. The address that a name has is checked by
// the client of [URLPolicy.Client], when it dials. Errors repeat nothing of
// the URL but its scheme, host and port.
func (p URLPolicy) Check(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, recording.Errorf(CodeURLInvalid, "the URL cannot be parsed") // err repeats the URL
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !p.AllowHTTP):
		return nil, recording.Errorf(CodeURLScheme, "URLs with scheme %.20q are not allowed", u.Scheme)
	case u.Opaque != "" || host == "":
		return nil, recording.Errorf(CodeURLInvalid, "the URL must name a host")
	case u.User != nil:
		return nil, recording.Errorf(CodeURLInvalid, "the URL must not have a user or password")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, recording.Errorf(CodeURLInvalid, "the URL must not have a fragment")
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || !p.AnyPort && !slices.Contains(p.ports(), uint16(n)) {
			return nil, recording.Errorf(CodeURLPort, "port %.10q is not allowed", port)
		}
	}
	if p.trusts(host) {
		return u, nil
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && (ip.Zone() != "" || ip.Is4In6() || p.guard().SafeAddr(ip) != nil):
		return nil, refusedAddress(host)
	case err != nil && !isName(host):
		return nil, recording.Errorf(CodeURLInvalid, "%.60q is neither a host name nor an address", host)
	}
	return u, nil
}

// isName reports whether a host that is no address may be a name. Resolvers and
// other parsers take forms like 127.1, 0x7f000001 and 2130706433 for addresses,
// which end in a number (WHATWG URL, "ends in a number checker").
func isName(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || last == "" || errors.Is(err, strconv.ErrRange) {
		return false
	}
	return strings.Trim(last, "0123456789") != "" && !strings.ContainsAny(host, "%: \\")
}

// Client returns a client for URLs that Check accepts. It verifies each address
// at the moment it connects, so that a name whose address changes cannot lead
// elsewhere; it follows no redirect, uses no proxy and keeps no cookies. It has
// no timeout of its own. CloseIdleConnections when it is no longer used.
func (p URLPolicy) Client() *http.Client {
	guard := p.guard()
	guarded := &net.Dialer{Timeout: dialTimeout, Resolver: p.Resolver, Control: guard.Safe}
	trusted := &net.Dialer{Timeout: dialTimeout, Resolver: p.Resolver}
	return newClient(func(ctx context.Context, network, address string) (net.Conn, error) {
		dialer := guarded
		host, _, _ := net.SplitHostPort(address)
		if p.trusts(host) {
			dialer = trusted
		}
		conn, err := dialer.DialContext(ctx, network, address)
		switch {
		case errors.Is(err, ssrf.ErrProhibitedPort):
			return nil, recording.Errorf(CodeURLPort, "a port that is not allowed")
		case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
			return nil, refusedAddress(host) // which one it is would tell callers of inner networks
		}
		return conn, err
	})
}

const dialTimeout = 10 * time.Second

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func newClient(dial dialFunc) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dial,
			TLSHandshakeTimeout:    dialTimeout,
			ExpectContinueTimeout:  2 * time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    8,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p URLPolicy) guard() *ssrf.Guardian {
	var v4, v6 []netip.Prefix
	for _, prefix := range p.AllowCIDRs {
		if prefix.Addr().Is4() {
			v4 = append(v4, prefix)
		} else {
			v6 = append(v6, prefix)
		}
	}
	ports := ssrf.WithPorts(p.ports()...)
	if p.AnyPort {
		ports = ssrf.WithAnyPort()
	}
	return ssrf.New(ports, ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
}

func (p URLPolicy) ports() []uint16 { return append([]uint16{80, 443}, p.AllowPorts...) }

func (p URLPolicy) trusts(host string) bool {
	host = strings.TrimSuffix(host, ".")
	return slices.ContainsFunc(p.AllowHosts, func(h string) bool { return strings.EqualFold(h, host) })
}

func refusedAddress(host string) error {
	return recording.Errorf(CodeURLAddress, "the address of host %.60q is not allowed", host)
}

// Redact returns a URL without what may be secret in it: userinfo, query and
// fragment. Of what cannot be parsed nothing is left.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "(invalid URL)"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// withoutURL strips the URL that net/http puts before its errors.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

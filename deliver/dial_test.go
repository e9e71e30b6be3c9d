package deliver

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/roomreel/roomreel/recording"
)

func TestURLPolicyCheck(t *testing.T) {
	strict, lax := URLPolicy{}, URLPolicy{
		AllowHTTP: true, AllowPorts: []uint16{9000},
		AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")},
		AllowHosts: []string{"Minio.internal", "192.168.7.7"},
	}
	const ok = recording.Code("")
	for _, c := range []struct {
		url         string
		strict, lax recording.Code
	}{
		{"https://example.com/hook?token=x", ok, ok},
		{"https://example.com:443/", ok, ok},
		{"https://example.com.:443/", ok, ok},
		{"https://8.8.8.8/", ok, ok},
		{"https://[2606:4700::1111]/", ok, ok},
		{"https://xn--bcher-kva.example/", ok, ok},
		{"http://example.com/", CodeURLScheme, ok},
		{"HTTPS://example.com/", ok, ok},
		{"https://example.com:9000/", CodeURLPort, ok},
		{"https://example.com:22/", CodeURLPort, CodeURLPort},
		{"https://example.com:0/", CodeURLPort, CodeURLPort},
		{"https://example.com:65979/", CodeURLPort, CodeURLPort}, // 443 in 16 bits
		{"https://minio.internal/", ok, ok},
		{"https://10.1.2.3/", CodeURLAddress, ok},
		{"https://[fd00:1::1]/", CodeURLAddress, ok},
		{"https://192.168.7.7/", CodeURLAddress, ok},
		{"https://192.168.7.8/", CodeURLAddress, CodeURLAddress},
		{"https://10.2.2.3/", CodeURLAddress, CodeURLAddress},

		{"", CodeURLScheme, CodeURLScheme},
		{"//example.com/", CodeURLScheme, CodeURLScheme},
		{"ftp://example.com/", CodeURLScheme, CodeURLScheme},
		{"file:///etc/passwd", CodeURLScheme, CodeURLScheme},
		{"gopher://example.com/", CodeURLScheme, CodeURLScheme},
		{"javascript:alert(1)", CodeURLScheme, CodeURLScheme},
		{"https:example.com", CodeURLInvalid, CodeURLInvalid},
		{"https:///hook", CodeURLInvalid, CodeURLInvalid},
		{"https://:443/", CodeURLInvalid, CodeURLInvalid},
		{"https://user@example.com/", CodeURLInvalid, CodeURLInvalid},
		{"https://user:secret@example.com/", CodeURLInvalid, CodeURLInvalid},
		{"https://example.com/#f", CodeURLInvalid, CodeURLInvalid},
		{"https://example.com/#", CodeURLInvalid, CodeURLInvalid},
		{"https://example.com\\@10.0.0.1/", CodeURLInvalid, CodeURLInvalid},
		{"https://exa mple.com/", CodeURLInvalid, CodeURLInvalid},
		{"https://example.com/\r\nHost: x", CodeURLInvalid, CodeURLInvalid},
		{"https://%31%32%37.0.0.1/", CodeURLInvalid, CodeURLInvalid},
		{"https://127.1/", CodeURLInvalid, CodeURLInvalid},
		{"https://0x7f.1/", CodeURLInvalid, CodeURLInvalid},
		{"https://0x7f000001/", CodeURLInvalid, CodeURLInvalid},
		{"https://0177.0.0.1/", CodeURLInvalid, CodeURLInvalid},
		{"https://2130706433/", CodeURLInvalid, CodeURLInvalid},
		{"https://99999999999999999999999/", CodeURLInvalid, CodeURLInvalid},

		{"https://127.0.0.1/", CodeURLAddress, CodeURLAddress},
		{"https://0.0.0.0/", CodeURLAddress, CodeURLAddress},
		{"https://172.16.0.1/", CodeURLAddress, CodeURLAddress},
		{"https://169.254.169.254/latest/meta-data", CodeURLAddress, CodeURLAddress},
		{"https://100.64.0.1/", CodeURLAddress, CodeURLAddress},
		{"https://198.18.0.1/", CodeURLAddress, CodeURLAddress},
		{"https://224.0.0.1/", CodeURLAddress, CodeURLAddress},
		{"https://255.255.255.255/", CodeURLAddress, CodeURLAddress},
		{"https://[::]/", CodeURLAddress, CodeURLAddress},
		{"https://[::1]/", CodeURLAddress, CodeURLAddress},
		{"https://[fe80::1]/", CodeURLAddress, CodeURLAddress},
		{"https://[fe80::1%25eth0]/", CodeURLAddress, CodeURLAddress},
		{"https://[fc00::1]/", CodeURLAddress, CodeURLAddress},
		{"https://[ff02::1]/", CodeURLAddress, CodeURLAddress},
		{"https://[::ffff:10.0.0.1]/", CodeURLAddress, CodeURLAddress},
		{"https://[::ffff:8.8.8.8]/", CodeURLAddress, CodeURLAddress},
		{"https://[::ffff:10.1.2.3]/", CodeURLAddress, CodeURLAddress},
		{"https://[2002:7f00:1::]/", CodeURLAddress, CodeURLAddress},
		{"https://[64:ff9b::7f00:1]/", CodeURLAddress, CodeURLAddress},
		{"https://[2001:0:7f00:1::]/", CodeURLAddress, CodeURLAddress},
	} {
		for _, policy := range []struct {
			name string
			URLPolicy
			want recording.Code
		}{{"strict", strict, c.strict}, {"lax", lax, c.lax}} {
			_, err := policy.Check(c.url)
			if got := recording.CodeOf(err); got != policy.want {
				t.Errorf("%s policy, %q: got %q (%v), want %q", policy.name, c.url, got, err, policy.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		}
	}
}

// Whatever Check lets pass, a client never connects to what is not allowed.
func FuzzURLPolicy(f *testing.F) {
	for _, s := range []string{"https://127.0.0.1/", "https://[::ffff:1.2.3.4]:443/", "https://a@b/#c", "https://１２７.0.0.1/", "https://0x7f.1/", "https://a%00b/"} {
		f.Add(s)
	}
	policy := URLPolicy{}
	guard := policy.guard()
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := policy.Check(raw)
		if err != nil {
			if recording.CodeOf(err) == recording.CodeInternal {
				t.Errorf("%q: no code: %v", raw, err)
			}
			return
		}
		if u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Hostname() == "" {
			t.Errorf("%q passed as %v", raw, u)
		}
		if ip, err := netip.ParseAddr(u.Hostname()); err == nil && guard.SafeAddr(ip) != nil {
			t.Errorf("%q passed with address %v", raw, ip)
		}
		if Redact(raw) != "" && strings.ContainsAny(Redact(raw), "?#") {
			t.Errorf("%q is redacted to %q", raw, Redact(raw))
		}
	})
}

// inner is a server that nobody should reach; hits counts its connections.
type inner struct {
	*httptest.Server
	hits atomic.Int64
}

func startInner(t *testing.T, addr string, answer http.HandlerFunc) *inner {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	in := &inner{Server: httptest.NewUnstartedServer(answer)}
	in.Server.Listener.Close()
	in.Server.Listener = l
	in.Server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			in.hits.Add(1)
		}
	}
	in.Start()
	t.Cleanup(in.Close)
	return in
}

func portOf(t *testing.T, addr net.Addr) (string, uint16) {
	t.Helper()
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr.String())
	return port, ap.Port()
}

// dns answers A queries with what address returns, over UDP on loopback.
func dns(t *testing.T, address func() [4]byte) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := dnsReply(buf[:n], address); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// dnsReply answers the one question of a query (RFC 1035 §4).
func dnsReply(query []byte, address func() [4]byte) []byte {
	end := 12
	for end < len(query) && query[end] != 0 {
		end += 1 + int(query[end])
	}
	end += 5 // the root label, type and class
	if end > len(query) {
		return nil
	}
	reply := append([]byte(nil), query[:end]...)
	binary.BigEndian.PutUint16(reply[2:], 0x8180) // a response without error
	binary.BigEndian.PutUint16(reply[8:], 0)
	binary.BigEndian.PutUint16(reply[10:], 0)
	const typeA = 1
	if binary.BigEndian.Uint16(query[end-4:]) != typeA {
		binary.BigEndian.PutUint16(reply[6:], 0)
		return reply
	}
	binary.BigEndian.PutUint16(reply[6:], 1)
	reply = append(reply, 0xc0, 12, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4) // the same name, TTL 0
	a := address()
	return append(reply, a[:]...)
}

// A name that had an allowed address and then has an inner one is not followed
// there, although it was checked before.
func TestClientRefusesDNSThatChanges(t *testing.T) {
	allowed := startInner(t, "127.0.0.2:0", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	port, number := portOf(t, allowed.Listener.Addr())
	secret := startInner(t, "127.0.0.3:"+port, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	var flipped atomic.Bool
	policy := URLPolicy{
		AllowHTTP: true, AllowPorts: []uint16{number}, AllowCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		Resolver: dns(t, func() [4]byte {
			if flipped.Load() {
				return [4]byte{127, 0, 0, 3}
			}
			return [4]byte{127, 0, 0, 2}
		}),
	}
	c := policy.Client()
	defer c.CloseIdleConnections()
	target := "http://rebind.example.com:" + port + "/?token=secret"
	if _, err := policy.Check(target); err != nil {
		t.Fatal(err)
	}
	resp, err := c.Get(target)
	if err != nil {
		t.Fatalf("the allowed address: %v", err)
	}
	resp.Body.Close()
	c.CloseIdleConnections()

	flipped.Store(true)
	_, err = c.Get(target)
	if recording.CodeOf(err) != CodeURLAddress {
		t.Fatalf("the inner address: %v", err)
	}
	if msg := withoutURL(err).Error(); strings.Contains(msg, "127.0.0.3") || strings.Contains(msg, "secret") {
		t.Errorf("the error tells too much: %s", msg)
	}
	if allowed.hits.Load() != 1 || secret.hits.Load() != 0 {
		t.Errorf("%d connections to the allowed and %d to the inner server", allowed.hits.Load(), secret.hits.Load())
	}

	policy.AllowHosts = []string{"rebind.example.com"}
	trusting := policy.Client()
	defer trusting.CloseIdleConnections()
	resp, err = trusting.Get(target)
	if err != nil {
		t.Fatalf("a host that the operator trusts: %v", err)
	}
	resp.Body.Close()
}

// The client refuses by itself what Check would, and ignores a proxy.
func TestClientRefusesAddresses(t *testing.T) {
	in := startInner(t, "127.0.0.1:0", func(http.ResponseWriter, *http.Request) {})
	port, number := portOf(t, in.Listener.Addr())
	t.Setenv("HTTP_PROXY", in.URL)
	c := URLPolicy{AllowHTTP: true, AllowPorts: []uint16{number}}.Client()
	for _, target := range []string{
		in.URL, "http://localhost:" + port, "http://[::ffff:127.0.0.1]:" + port, "http://0.0.0.0:" + port, "http://[::]:" + port,
		"http://１２７.0.0.1:" + port, "http://127.0.0.1.:" + port,
	} {
		_, err := c.Get(target)
		if err == nil {
			t.Errorf("%s: connected", target)
		}
	}
	if code := recording.CodeOf(getError(c, "http://10.0.0.1/")); code != CodeURLAddress {
		t.Errorf("inner address: %q", code)
	}
	if code := recording.CodeOf(getError(c, "http://8.8.8.8:1/")); code != CodeURLPort {
		t.Errorf("other port: %q", code)
	}
	if in.hits.Load() != 0 {
		t.Errorf("%d connections to the inner server", in.hits.Load())
	}
}

func getError(c *http.Client, target string) error {
	resp, err := c.Get(target)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"https://u:p@h.example:9000/a%2Fb?X-Amz-Signature=s#f": "https://h.example:9000/a%2Fb",
		"https://h.example":        "https://h.example",
		"https://h.example/?a=b":   "https://h.example/",
		"mailto:someone@h.example": "(invalid URL)",
		"://?token=s":              "(invalid URL)",
		"http://h\x7f/?token=s":    "(invalid URL)",
	} {
		if got := Redact(raw); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}

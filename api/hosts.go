package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/roomreel/roomreel/recording"
)

// OnlyHosts refuses requests that name the server by anything but an address,
// localhost or one of names. It is for a server that trusts whoever reaches it: a page
// whose name leads to its address (DNS rebinding) is of its own origin to the browser,
// but cannot choose what the browser calls the server.
func OnlyHosts(next http.Handler, names ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := hostName(r.Host); !isLocalName(name) && !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			writeProblem(w, newProblem(recording.CodeNotPermitted,
				fmt.Sprintf("the server does not answer to the name %.100q: call it by its address, or set api.public_url (ROOMREEL_PUBLIC_URL) to where it is reached", name)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostName is the host of a Host header (RFC 9110 §7.2), without port and brackets.
func hostName(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return strings.TrimSuffix(strings.Trim(name, "[]"), ".")
}

// isLocalName reports whether no DNS server is asked what a name stands for: an
// address, or localhost and what is below it (RFC 6761 §6.3).
func isLocalName(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || strings.EqualFold(name, "localhost") || strings.HasSuffix(strings.ToLower(name), ".localhost")
}

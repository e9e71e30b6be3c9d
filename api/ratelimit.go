package api

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"golang.org/x/time/rate"

	"github.com/roomreel/roomreel/recording"
)

// CodeRateLimited says that a caller asks too often.
const CodeRateLimited recording.Code = "RATE_LIMITED"

// RateLimit bounds the requests of one caller to one node: PerSecond on average,
// Burst at once. The zero value does not.
type RateLimit struct {
	PerSecond float64
	Burst     int
}

// limits holds a token bucket for each caller.
type limits struct {
	RateLimit
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// take takes a token of the caller's, or tells when there will be one.
func (l *limits) take(caller string) (wait time.Duration, ok bool) {
	if l.PerSecond <= 0 {
		return 0, true
	}
	r := l.bucket(caller).Reserve()
	if wait = r.Delay(); wait == 0 {
		return 0, true
	}
	r.Cancel() // what is refused costs nothing
	return wait, false
}

func (l *limits) bucket(caller string) *rate.Limiter {
	const most = 10_000
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.buckets[caller]; b != nil {
		return b
	}
	if l.buckets == nil {
		l.buckets = map[string]*rate.Limiter{}
	}
	if len(l.buckets) >= most {
		for name, b := range l.buckets { // a full one is as good as a new one
			if b.Tokens() >= float64(l.Burst) {
				delete(l.buckets, name)
			}
		}
	}
	b := rate.NewLimiter(rate.Limit(l.PerSecond), max(l.Burst, 1))
	l.buckets[caller] = b
	return b
}

// bucket names who shares a limit.
func (c Caller) bucket() string { return c.Subject + "\n" + c.Room }

// limit refuses who asks too often. It runs after authenticate.
func (s *Server) limit(hc huma.Context, next func(huma.Context)) {
	caller := callerOf(hc.Context())
	if wait, ok := s.rates.take(caller.bucket()); !ok {
		refuseRate(humagin.Unwrap(hc).Writer, wait)
		return
	}
	next(hc)
}

// streams counts what each caller has open of what goes on until they leave.
type streams struct {
	most int
	mu   sync.Mutex
	open map[string]int
}

// begin counts one more of the caller's, until end, unless they have as many as they
// may.
func (s *streams) begin(caller Caller) (end func(), refusal *Problem) {
	const wait = 5 * time.Second // somebody may leave at any time
	name := caller.bucket()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.most > 0 && s.open[name] >= s.most {
		p := tooMany(wait)
		p.Detail = fmt.Sprintf("the caller has %d streams of events open, which is the most (api.rate.streams): close one", s.most)
		return nil, p
	}
	if s.open == nil {
		s.open = map[string]int{}
	}
	s.open[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open[name]--; s.open[name] == 0 {
			delete(s.open, name)
		}
	}, nil
}

// countStream refuses who has too many streams open. It runs after authenticate.
func (s *Server) countStream(hc huma.Context, next func(huma.Context)) {
	end, refusal := s.streams.begin(callerOf(hc.Context()))
	if refusal != nil {
		writeProblem(humagin.Unwrap(hc).Writer, refusal)
		return
	}
	defer end()
	next(hc)
}

// limitGuesses refuses an address that keeps sending credentials that are not
// valid; those that are valid do not count.
func (s *Server) limitGuesses(w http.ResponseWriter, r *http.Request) bool {
	wait, ok := s.guesses.take(addressOf(r))
	if !ok {
		refuseRate(w, wait)
	}
	return ok
}

type addressKey struct{}

// address is the middleware of operations that take a key in their body: guessed
// tells by it who sent one that is not valid.
func address(hc huma.Context, next func(huma.Context)) {
	next(huma.WithValue(hc, addressKey{}, addressOf(humagin.Unwrap(hc).Request)))
}

// guessed is the error of who sent a key that is not valid.
func (s *Server) guessed(ctx context.Context, err error) error {
	host, _ := ctx.Value(addressKey{}).(string)
	if wait, ok := s.guesses.take(host); !ok {
		return tooMany(wait)
	}
	return err
}

func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

func tooMany(wait time.Duration) *Problem {
	p := newProblem(CodeRateLimited, "too many requests: send the next one after the seconds that Retry-After tells")
	p.RetryAfter = int(math.Ceil(wait.Seconds()))
	return p
}

func refuseRate(w http.ResponseWriter, wait time.Duration) { writeProblem(w, tooMany(wait)) }

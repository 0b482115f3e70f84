package faults

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/simulator/wire"
)

// Fault says which requests an Effect falls on.
type Fault struct {
	Path        string  // prefix of the path; "": any
	From        int     // number of the first such request, from 1; 0: the first
	Count       int     // how many of them from there on; 0: all
	Probability float64 // of each of them; 0: all
	Effect      Effect
}

// Effect answers a request wrongly, or spoils or delays what next answers.
type Effect func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Handler is a handler that makes faults in front of another one. It may be
// changed and used concurrently.
type Handler struct {
	// Clock, if set before use, gives the Date header of faulty answers, which
	// otherwise is the real one's.
	Clock func() time.Time

	next http.Handler

	mu       sync.Mutex
	rand     *rand.Rand
	faults   []*counted
	requests int
	hits     int
}

type counted struct {
	Fault
	seen int // requests of its path since it was set
}

// New returns a handler without faults in front of next. The seed decides
// about probabilities.
func New(next http.Handler, seed uint64) *Handler {
	return &Handler{next: next, rand: rand.New(rand.NewPCG(seed, 4))}
}

// Set replaces all faults; the numbers of requests start at 1 again. Of several
// faults that apply to a request, the first one falls on it.
func (f *Handler) Set(faults ...Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = nil
	for _, one := range faults {
		f.faults = append(f.faults, &counted{Fault: one})
	}
}

// Clear ends all faults. Requests that hang go on doing so.
func (f *Handler) Clear() { f.Set() }

// Requests is the number of requests so far; Hits that of those that met a fault.
func (f *Handler) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// Hits is the number of requests that met a fault.
func (f *Handler) Hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hits
}

func (f *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e := f.choose(r.URL.Path); e != nil {
		if f.Clock != nil {
			wire.SetDate(w, f.Clock(), false)
		}
		e(w, r, f.next)
		return
	}
	f.next.ServeHTTP(w, r)
}

func (f *Handler) choose(path string) Effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	var chosen Effect
	for _, c := range f.faults {
		if !strings.HasPrefix(path, c.Path) {
			continue
		}
		c.seen++
		from := max(c.From, 1)
		switch {
		case chosen != nil, c.seen < from, c.Count > 0 && c.seen >= from+c.Count,
			c.Probability > 0 && f.rand.Float64() >= c.Probability:
		default:
			chosen = c.Effect
		}
	}
	if chosen != nil {
		f.hits++
	}
	return chosen
}

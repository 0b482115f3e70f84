package oam

import (
	"crypto/subtle"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/simulator/wire"
	"iam_session_exporter/internal/simulator/world"
)

// Paths of the OAM API. The second one, in the singular, creates and deletes
// sessions.
const (
	PathSearch  = "/oam/services/rest/access/api/v1/sessions"
	PathSession = "/oam/services/rest/access/api/v1/session"
)

// Options say how the API behaves. Every combination is possible; the zero
// value is what Oracle's documentation suggests, without authentication.
type Options struct {
	Seed uint64 // of which rows are drawn

	Users  map[string]string // Basic: password by user name
	Bearer string            // a token that is accepted too
	// EmptyUnauthorized: the 401 has no body; otherwise WebLogic's HTML page.
	EmptyUnauthorized bool

	Window int // rows listed at most; default 28
	Rows   RowsMode

	Form   Form
	Filter Filter

	TotalCap    int  // totalRecords never exceeds it; 0: no cap
	TotalIsRows bool // totalRecords is the number of rows listed
	NoMatch404  bool // no match is a 404, otherwise what NoMatch says
	NoMatch     NoMatchForm
	// DefaultStoreOnly names the only store whose sessions are found unless the
	// filter names one.
	DefaultStoreOnly string

	Clock        func() time.Time // for the Date header; default the world's
	NoDate       bool
	Skew         time.Duration // added to the clock
	ResponseTime bool          // send X-Response-Time
	// Cookie: make an HTTP session, with a new JSESSIONID, for each request that
	// does not bring the cookie of one; even for those refused. MaxHTTPSessions is
	// how many there may be, 0 any number: further ones get 500.
	Cookie          bool
	MaxHTTPSessions int
	RotateIDs       bool // session ids are others after each search without a filter

	// OnQuery is called before each search is answered, with its number from 1.
	// It may change the world.
	OnQuery func(n int, q Query)
}

// RowsMode says which of too many matches are listed.
type RowsMode int

const (
	RowsDrawn RowsMode = iota // others each time
	RowsFixed                 // always the same for a filter, as long as they live
)

// Handler serves the session search of Oracle Access Manager. It may be used
// concurrently.
type Handler struct {
	world *world.World

	mu      sync.Mutex
	options Options
	rand    *rand.Rand
	stats   Stats
	running int
	queries []Query
	cookies map[string]bool // of the HTTP sessions there are
	turn    int             // of the ids, with RotateIDs
}

// Stats counts what a Handler has been asked.
type Stats struct {
	Queries      int // searches, those refused too
	Refused      int // 401 answers
	Cookies      int // HTTP sessions made
	Concurrent   int // searches running at once, at most
	Dangerous    int // requests to the singular path, by any method
	NotFound     int // requests to any other path
	OtherMethods int // requests to the search that are no POST
}

// maxQueries bounds the log of queries.
const maxQueries = 100_000

// New returns the API of a world.
func New(w *world.World, o Options) *Handler {
	return &Handler{world: w, options: o, rand: rand.New(rand.NewPCG(o.Seed, 3))}
}

// Set changes options while the API runs.
func (a *Handler) Set(change func(*Options)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.options)
}

// Stats returns the counters so far.
func (a *Handler) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stats
}

// Dangerous is the number of requests, by any method, to the path that creates
// and deletes sessions. It answers 403 to all of them.
func (a *Handler) Dangerous() int { return a.Stats().Dangerous }

// Queries lists the searches answered, oldest first, and forgets them. The log
// holds the latest 100,000 at most.
func (a *Handler) Queries() []Query {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.queries
	a.queries = nil
	return out
}

func (a *Handler) count(f func(*Stats)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.stats)
}

// begin registers a search; end must be called when it is answered.
func (a *Handler) begin() (o Options, n int, seed uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stats.Queries++
	a.running++
	a.stats.Concurrent = max(a.stats.Concurrent, a.running)
	return a.options, a.stats.Queries, a.rand.Uint64()
}

func (a *Handler) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
}

func (a *Handler) record(q Query) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queries) >= maxQueries {
		a.queries = append(a.queries[:0], a.queries[maxQueries/2:]...)
	}
	a.queries = append(a.queries, q)
}

func (a *Handler) now(o *Options) time.Time {
	if o.Clock != nil {
		return o.Clock().Add(o.Skew)
	}
	return a.world.Now().Add(o.Skew)
}

func (a *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case path == PathSearch && r.Method == http.MethodPost:
		a.search(w, r)
	case path == PathSearch:
		a.count(func(s *Stats) { s.OtherMethods++ })
		w.Header().Set("Allow", http.MethodPost)
		webLogicPage(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case path == PathSession || strings.HasPrefix(path, PathSession+"/"):
		a.count(func(s *Stats) { s.Dangerous++ })
		webLogicPage(w, http.StatusForbidden, "Forbidden")
	default:
		a.count(func(s *Stats) { s.NotFound++ })
		webLogicPage(w, http.StatusNotFound, "Not Found")
	}
}

func (a *Handler) search(w http.ResponseWriter, r *http.Request) {
	o, n, seed := a.begin()
	defer a.end()
	if !a.httpSession(w, r, &o, seed) {
		wire.SetDate(w, a.now(&o), o.NoDate)
		webLogicPage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if !o.welcome(r) {
		a.count(func(s *Stats) { s.Refused++ })
		wire.SetDate(w, a.now(&o), o.NoDate)
		w.Header().Set("WWW-Authenticate", `Basic realm="weblogic"`)
		if o.EmptyUnauthorized {
			w.WriteHeader(http.StatusUnauthorized)
		} else {
			webLogicPage(w, http.StatusUnauthorized, "Unauthorized")
		}
		return
	}
	q, status := readQuery(r, &o.Filter)
	if status == 0 && o.OnQuery != nil {
		o.OnQuery(n, q)
	}
	wire.SetDate(w, a.now(&o), o.NoDate)
	if o.ResponseTime {
		w.Header().Set("X-Response-Time", "3")
	}
	if status != 0 {
		w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
		w.WriteHeader(status)
		io.WriteString(w, http.StatusText(status))
		return
	}
	turn := a.rotate(&q, &o)
	rows, total := search(a.world, &q, &o, rand.New(rand.NewPCG(seed, 0)))
	for n := range rows {
		rows[n].ID = turn + rows[n].ID
	}
	matches := total
	if o.TotalCap > 0 {
		total = min(total, o.TotalCap)
	}
	if o.TotalIsRows {
		total = len(rows)
	}
	q.At, q.Total, q.Matches, q.Rows = a.now(&o), total, matches, len(rows)
	a.record(q)
	if matches == 0 && o.NoMatch404 {
		w.Header().Set("Content-Type", "text/plain;charset=UTF-8")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, "Requested Data Not found")
		return
	}
	if matches == 0 && o.NoMatch != NoMatchTotal {
		o.NoMatch.write(w)
		return
	}
	body, contentType := o.Form.encode(rows, total, r.Header.Get("Accept"))
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body)
}

func (o *Options) welcome(r *http.Request) bool {
	if len(o.Users) == 0 && o.Bearer == "" {
		return true
	}
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	if user, password, ok := r.BasicAuth(); ok {
		want, known := o.Users[user]
		return known && same(want, password)
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && o.Bearer != "" && same(o.Bearer, token)
}

func webLogicPage(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0 Draft//EN">
<HTML><HEAD><TITLE>Error %d--%s</TITLE></HEAD>
<BODY bgcolor="white"><FONT FACE=Helvetica><BR CLEAR=all>
<TABLE border=0 cellspacing=5><TR><TD><FONT FACE="Helvetica" COLOR="black" SIZE="3"><H2>Error %d--%s</H2></FONT></TD></TR></TABLE>
</BODY></HTML>
`, status, title, status, title)
}

package intersight

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/wire"
	"iam_session_exporter/internal/simulator/world"
)

// Paths of the Intersight API.
const (
	PathSessions      = "/api/v1/iam/Sessions"
	PathSessionLimits = "/api/v1/iam/SessionLimits"
	PathUsers         = "/api/v1/iam/Users"
	PathIdps          = "/api/v1/iam/Idps"
	PathIdpReferences = "/api/v1/iam/IdpReferences"
	PathToken         = "/iam/token"
)

// Options say how the API behaves. The zero value is the SaaS of
// today, without authentication, with its usual awkwardness.
type Options struct {
	Seed uint64 // of what is random in answers

	// Keys are the API keys by key id: *rsa.PublicKey (v2) or *ecdsa.PublicKey
	// (v3). Clients are the secrets of OAuth clients by client id. With neither,
	// everybody may read.
	Keys    map[string]crypto.PublicKey
	Clients map[string]string

	ExpiresIn     time.Duration // of tokens; default 10 minutes
	ExpiresInText string        // the JSON sent as expires_in instead of it; "-" for none
	TokenStyle    TokenStyle
	DateTolerance time.Duration    // of signatures; default 5 minutes, negative: none is checked
	Clock         func() time.Time // for Date headers, signatures and tokens; default the world's

	NoDate bool
	Skew   time.Duration // added to the clock
	Gzip   bool          // compress where the client asks

	Ordered     bool // without $orderby, list in the order of Moids, not a new one each time
	RefuseTop   bool // refuse $top over 1000, instead of taking it for 1000
	NoCount     bool // never tell Count
	CountIsRows bool // Count is the number of rows of the page
	CountCap    int  // Count never exceeds it; 0: no cap
	Cookie      bool // set a cookie with each answer, which must not come back
	RotateIDs   bool // Moids are others with each first page
	Unset       Unset
	NoFractions bool // never print fractions of a second; otherwise now and then none

	// OldAppliance lacks EndTime, Role, Status, UserIdOrEmail, FailedLogins,
	// SessionId and LoginType; Missing names more properties, or other ones.
	OldAppliance   bool
	Missing        []string
	MissingOfUsers []string // of users and their providers
	Refusal        Refusal  // what happens to a $select or $filter of a missing or unknown property

	NoScope      []string // paths that the client may not read: 403
	Inline       bool     // some relations are the object itself
	IgnoreFilter bool     // take no notice of $filter
	FoldFilter   bool     // $filter takes no notice of case

	LimitsStatus    int  // other than 0: SessionLimits answers so
	LimitsAbsent    bool // there are no SessionLimits objects
	LimitsOverrides int  // objects for one permission, besides the account's; default 2, negative: none

	// OnRequest is called before each GET is answered, with its number from 1.
	// It may change the world.
	OnRequest func(n int, r *http.Request)
}

// TokenStyle says how the token endpoint wants the client's credentials.
type TokenStyle int

const (
	TokenAny TokenStyle = iota
	TokenBody
	TokenBasic
)

// Unset is how a time that is not set looks.
type Unset int

const (
	UnsetMixed Unset = iota // any of the following, differently for each session
	UnsetAbsent
	UnsetNull
	UnsetZero // 0001-01-01T00:00:00Z
)

// Refusal is what happens to a $select that names a property there is not.
type Refusal int

const (
	RefuseNaming Refusal = iota // 400 which names the property
	RefuseMute                  // 400 which does not
	RefuseNot                   // 200 without the property
)

// Handler serves the session API of Cisco Intersight. It may be used
// concurrently.
type Handler struct {
	world *world.World

	mu      sync.Mutex
	options Options
	rand    *rand.Rand
	turn    int                  // of the Moids, with RotateIDs
	tokens  map[string]time.Time // until when each is good
	stats   Stats
}

// Stats counts what a Handler has been asked.
type Stats struct {
	Requests    int    // GETs of lists, refused ones too
	Refused     int    // 401 answers
	LastRefusal string // why; the answer itself does not tell
	Tokens      int    // handed out
	Leaks       int    // list answers that carried session tokens
	Personal    int    // lists of users that carried their names
	Writes      int    // requests that would have changed something
	CookiesBack int    // requests with a cookie

	Lists map[string]int // GETs by path
}

// New returns the API of a world.
func New(w *world.World, o Options) *Handler {
	return &Handler{
		world: w, options: o, rand: rand.New(rand.NewPCG(o.Seed, 2)), tokens: make(map[string]time.Time),
		stats: Stats{Lists: make(map[string]int)},
	}
}

// Set changes options while the API runs.
func (i *Handler) Set(change func(*Options)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(&i.options)
}

// Stats returns the counters so far.
func (i *Handler) Stats() Stats {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := i.stats
	s.Lists = maps.Clone(s.Lists)
	return s
}

// Leaks is the number of answers that carried session tokens, because the
// request had no $select or selected SessionId.
func (i *Handler) Leaks() int { return i.Stats().Leaks }

// RevokeTokens makes every token that was handed out invalid.
func (i *Handler) RevokeTokens() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.tokens)
}

func (i *Handler) snapshot() Options {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.options
}

func (i *Handler) count(f func(*Stats)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(&i.stats)
}

// random runs f with the generator that answers share.
func (i *Handler) random(f func(*rand.Rand)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	f(i.rand)
}

func (i *Handler) now(o *Options) time.Time {
	if o.Clock != nil {
		return o.Clock().Add(o.Skew)
	}
	return i.world.Now().Add(o.Skew)
}

func (i *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := i.snapshot()
	wire.SetDate(w, i.now(&o), o.NoDate)
	trace := i.traceID()
	w.Header().Set("X-Starship-Traceid", trace)
	if o.Cookie {
		http.SetCookie(w, &http.Cookie{Name: "X-Starship-Token", Value: tokenOf(trace), Path: "/", Secure: true, HttpOnly: true})
	}
	if r.Header.Get("Cookie") != "" {
		i.count(func(s *Stats) { s.CookiesBack++ })
	}

	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	if r.URL.Path == PathToken {
		i.serveToken(w, r, &o, body)
		return
	}
	list := i.lists()[r.URL.Path]
	if list != nil && r.Method == http.MethodGet {
		n := 0
		i.count(func(s *Stats) { s.Requests++; s.Lists[r.URL.Path]++; n = s.Requests })
		if o.OnRequest != nil {
			o.OnRequest(n, r)
			wire.SetDate(w, i.now(&o), o.NoDate)
		}
	}
	if refusal := i.authorize(r, &o, body); refusal != nil {
		i.count(func(s *Stats) { s.Refused++; s.LastRefusal = refusal.why })
		// The real one says plain text here and only here.
		fail(w, http.StatusUnauthorized, "text/plain; charset=utf-8", trace, "AuthenticationFailure", refusal.id, refusal.message, refusal.params...)
		return
	}
	switch {
	case r.Method != http.MethodGet:
		i.count(func(s *Stats) { s.Writes++ })
		fail(w, http.StatusForbidden, wire.JSON, trace, "UnauthorizedOperation", "iam_operation_not_supported", "Operation not supported.")
	case list == nil:
		fail(w, http.StatusNotFound, wire.JSON, trace, "NotFound", "barcelona_resource_not_found", "The requested URL does not exist.")
	case slices.Contains(o.NoScope, r.URL.Path):
		forbid(w, trace)
	default:
		list(w, r, &o, trace)
	}
}

// lists are the list operations, by path.
func (i *Handler) lists() map[string]func(http.ResponseWriter, *http.Request, *Options, string) {
	providers := func(references bool) func(http.ResponseWriter, *http.Request, *Options, string) {
		return func(w http.ResponseWriter, r *http.Request, o *Options, trace string) {
			i.serveProviders(w, r, o, trace, references)
		}
	}
	return map[string]func(http.ResponseWriter, *http.Request, *Options, string){
		PathSessions: i.serveSessions, PathSessionLimits: i.serveLimits, PathUsers: i.serveUsers,
		PathIdps: providers(false), PathIdpReferences: providers(true),
	}
}

// forbid answers a client that has no privilege to read a list.
func forbid(w http.ResponseWriter, trace string) {
	fail(w, http.StatusForbidden, wire.JSON, trace, "UnauthorizedOperation", "iam_user_is_unauthorized", "Operation is not permitted for the user.")
}

func (i *Handler) traceID() (id string) {
	i.random(func(r *rand.Rand) { id = fmt.Sprintf("NB%016x%08x", r.Uint64(), r.Uint32()) })
	return id
}

// fail writes an error of Intersight: unlike everything else, in lower camel case.
func fail(w http.ResponseWriter, status int, contentType, trace, code, id, message string, params ...string) {
	var o wire.Object
	o.Open()
	o.Text("code", code)
	o.Text("message", message)
	o.Text("messageId", id)
	if len(params) > 0 {
		o.Key("messageParams")
		o.Open()
		for n, p := range params {
			o.Text(fmt.Sprint(n+1), p)
		}
		o.Close()
	}
	o.Text("traceId", trace)
	o.Close()
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	w.Write(o.B)
}

func reply(w http.ResponseWriter, r *http.Request, o *Options, body []byte) {
	h := w.Header()
	h.Set("Content-Type", wire.JSON)
	h.Set("Vary", "Accept-Encoding")
	if o.Gzip && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var small bytes.Buffer
		z := gzip.NewWriter(&small)
		z.Write(body)
		z.Close()
		body = small.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body)
}

// tokenOf is the canary that stands for a session token.
func tokenOf(id string) string {
	sum := sha256.Sum256([]byte("token of " + id))
	return fmt.Sprintf("%s%x", SessionTokenMark, sum[:16])
}

// SessionTokenMark begins every session token that the simulated Intersight
// sends, so that a test can search for it where it must not be.
const SessionTokenMark = "sessiontokencanary"

func (i *Handler) limits() world.Population { return i.world.Limits(session.Intersight) }

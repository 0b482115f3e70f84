package endtoend

import (
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// failingRig is an OAM of so many sessions, whose scrapes may take some seconds.
func failingRig(t *testing.T, seed uint64, n int, may time.Duration, o simoam.Options) *rig {
	o.Seed = seed
	w := world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: n, Addresses: 60, Users: n * 2 / 5, Stores: 3})
	r := newRig(t, session.OAM, w, simintersight.Options{}, o)
	r.change = func(o *collector.Options) { o.Timeout = may }
	return r.start()
}

// everySixtieth is an effect on each sixtieth request. Those that a scrape begins
// with are spared: what is neither dropped nor a 5xx ends it there.
type everySixtieth struct {
	effect faults.Effect
	n      atomic.Int64
	first  atomic.Bool
}

func (e *everySixtieth) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	first := e.first.Swap(false)
	n := e.n.Add(1)
	switch {
	case n%60 == 0 && first:
		e.n.Add(-1) // the next one instead
	case n%60 == 0:
		e.effect(w, r, next)
		return
	}
	next.ServeHTTP(w, r)
}

// One search in sixty that is dropped, answered by a gateway, cut off or never
// answered costs next to nothing, and never a number. It takes long where searches
// hang, each for a quarter of the time; with -short, four scrapes must do.
func TestOneSearchInSixtyFails(t *testing.T) {
	const one = 1. / 60
	for name, set := range map[string][]faults.Fault{
		"dropped": {{Probability: one, Effect: faults.Reset()}},
		"500":     {{Probability: one, Effect: faults.Status(500)}},
		"502":     {{Probability: one, Effect: faults.Status(502)}},
		"504":     {{Probability: one, Effect: faults.Status(504)}},
		"408":     {{Probability: one, Effect: faults.Status(408)}},
		"all of these, or hanging": {
			{Probability: one / 4, Effect: faults.Reset()}, {Probability: one / 4, Effect: faults.Status(502)},
			{Probability: one / 4, Effect: faults.Status(504)}, {Probability: one / 4, Effect: faults.Hang()},
		},
		"hanging":      nil,
		"cut off":      nil,
		"a login page": nil,
		"a redirect":   nil,
		"a 404":        nil,
		"a 204":        nil,
		"empty":        nil,
		"null":         nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := failingRig(t, 3, 500, 8*time.Second, simoam.Options{})
			sixtieth := &everySixtieth{effect: map[string]faults.Effect{
				"hanging": faults.Hang(), "cut off": faults.Cut(), "a login page": faults.LoginPage(), "a redirect": faults.Redirect("/login"),
				"a 404": faults.Status(404), "a 204": faults.Answer(204, "", ""), "empty": faults.Empty(), "null": faults.JSON("null"),
			}[name]}
			if set == nil {
				set = []faults.Fault{{Effect: sixtieth.answer}}
			}
			r.faults.Set(set...)
			sessions := r.world.Truth(session.OAM)
			want := truthOf(sessions, nil)
			complete := 0
			scrapes := 10
			if testing.Short() {
				scrapes = 4
			}
			for range scrapes {
				sixtieth.first.Store(true)
				got := r.scrape()
				want.check(t, got, "iam_sessions_by_identity_store", "iam_sessions_by_client_ip")
				checkNamed(t, got, sessions, false)
				complete += int(got.value("iam_source_complete"))
			}
			lines := strings.Count(r.log.String(), "Some OAM queries failed")
			t.Logf("%d of %d complete, %d requests, %d log lines", complete, scrapes, r.faults.Requests(), lines)
			if complete < scrapes-1 || lines > 3 {
				t.Errorf("%d of %d complete, %d log lines; want at least %d, at most 3\n%s", complete, scrapes, lines, scrapes-1, r.log)
			}
		})
	}
}

// A search that hangs costs a quarter of the time, and the scrape is answered in
// time. There is so much time that a busy machine has enough for the others.
func TestAHangingSearchCostsAQuarter(t *testing.T) {
	for _, at := range []int{2, 9, 30} {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			may := 24 * time.Second
			if testing.Short() {
				may /= 2
			}
			r := failingRig(t, 5, 500, may, simoam.Options{})
			r.faults.Set(faults.Fault{From: at, Count: 1, Effect: faults.Hang()})
			got := r.scrape()
			if took := got.value("iam_source_scrape_duration_seconds"); got.value("iam_source_complete") != 1 || took > may.Seconds()/4+2 {
				t.Errorf("complete %v after %.1f s and %d requests; want 1\n%s", got.value("iam_source_complete"), took, r.faults.Requests(), r.log)
			}
			if n := got.value("iam_source_requests_total", "code", "error"); n != 1 {
				t.Errorf("%v requests without an answer; want 1", n)
			}
		})
	}
}

// A slow search, be it the first one, does not make the rest of a scrape look as if
// there were no time for it.
func TestOneSlowSearch(t *testing.T) {
	for _, at := range []int{1, 2, 20} {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			r := failingRig(t, 5, 500, 24*time.Second, simoam.Options{})
			r.faults.Set(faults.Fault{From: at, Count: 1, Effect: faults.Latency(4500 * time.Millisecond)})
			if got := r.scrape(); got.value("iam_source_complete") != 1 {
				t.Errorf("not complete after %v requests\n%s", got.value("iam_source_scrape_requests"), r.log)
			}
		})
	}
}

// From some search on all fail: after three in a row what is proven is published,
// within a few requests more, and the log says so once.
func TestAllSearchesFailFromSomeOn(t *testing.T) {
	for name, effect := range map[string]faults.Effect{
		"dropped": faults.Reset(), "502": faults.Status(502), "500": faults.Status(500), "empty": faults.Empty(),
		"HTML": faults.LoginPage(), "hanging": faults.Hang(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := failingRig(t, 4, 3000, 8*time.Second, simoam.Options{})
			sessions := r.world.Truth(session.OAM)
			scrapes := 3
			if name == "hanging" {
				scrapes = 1
			}
			for turn := range scrapes {
				r.faults.Set(faults.Fault{From: 40, Effect: effect})
				before := r.faults.Requests()
				got := r.scrape()
				n := r.faults.Requests() - before
				if got.value("iam_source_up") != 1 || got.value("iam_source_complete") != 0 || n > 40+32 || got.value("iam_source_errors_total") != 0 {
					t.Errorf("scrape %d: up %v, complete %v, %d requests; want 1, 0, at most %d\n%s", turn, got.value("iam_source_up"), got.value("iam_source_complete"), n, 40+32, r.log)
				}
				truthOf(sessions, nil).check(t, got, "iam_sessions_by_identity_store", "iam_sessions_by_client_ip")
				if checkNamed(t, got, sessions, false) < 3 {
					t.Error("nothing is counted by name")
				}
			}
			if n := strings.Count(r.log.String(), "Some OAM queries failed"); n != 1 {
				t.Errorf("%d log lines of it; want 1\n%s", n, r.log)
			}
			r.faults.Clear()
			for range 4 {
				r.scrape()
			}
			if n := strings.Count(r.log.String(), "All OAM queries succeed again"); n != 1 {
				t.Errorf("%d log lines of its end; want 1\n%s", n, r.log)
			}
		})
	}
}

// A refusal during a scrape is one of the whole scrape.
func TestARefusalDuringAScrape(t *testing.T) {
	for code, reason := range map[int]string{401: "auth", 403: "forbidden"} {
		r := failingRig(t, 4, 500, 8*time.Second, simoam.Options{})
		r.faults.Set(faults.Fault{From: 20, Effect: faults.Status(code)})
		got := r.scrape()
		if got.value("iam_source_up") != 0 || got.value("iam_source_errors_total", "reason", reason) != 1 || r.faults.Requests() > 21 {
			t.Errorf("%d: up %v, %d requests; want 0, at most 21\n%s", code, got.value("iam_source_up"), r.faults.Requests(), r.log)
		}
	}
}

// noMatch answers what matches nothing in a form of its own.
func noMatch(status int, body string) faults.Effect {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		rec := &recorder{header: http.Header{}, status: 200}
		next.ServeHTTP(rec, r)
		for k, v := range rec.header {
			w.Header()[k] = v
		}
		if rec.status == 404 {
			w.Header().Del("Content-Length")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			w.Write([]byte(body))
			return
		}
		w.WriteHeader(rec.status)
		w.Write(rec.body)
	}
}

type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { r.body = append(r.body, b...); return len(b), nil }

// However a server says that nothing matches, its sessions are counted and listed
// as those of any other.
func TestNoMatchInAnyForm(t *testing.T) {
	for _, form := range []struct {
		name   string
		status int
		body   string
		label  string
	}{
		{"404", 404, "Requested Data Not found", "404"}, {"204", 204, "", "unknown"}, {"empty", 200, "", "200"}, {"null", 200, "null", "200"},
		{"{}", 200, "{}", "200"}, {"null sessions", 200, `{"sessions":null}`, "200"}, {"no sessions", 200, `{"firstLink":null}`, "200"},
		{"no rows", 200, `{"sessions":[]}`, "200"}, {"XML", 200, "<SessionResults/>", "200"}, {"a total", 200, `{"totalRecords":0}`, "200"},
	} {
		t.Run(form.name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{20, 60, 500, 3000} {
				r := failingRig(t, 8, n, 30*time.Second, simoam.Options{NoMatch404: true})
				sessions := r.world.Truth(session.OAM)
				r.faults.Set(faults.Fault{Effect: noMatch(form.status, form.body)})
				for turn := range 2 {
					got := r.scrape()
					truthOf(sessions, nil).check(t, got, "iam_sessions_by_identity_store", "iam_sessions_by_client_ip")
					named := checkNamed(t, got, sessions, false)
					if up := got.value("iam_source_up"); up != 1 || got.value("iam_source_complete") != 1 && n < 3000 || turn > 0 && n == 3000 && named < 50 {
						t.Errorf("%d sessions, scrape %d: up %v, complete %v, %d named; want 1\n%s", n, turn, up, got.value("iam_source_complete"), named, r.log)
					}
					if got.value("iam_oam_search_info", "no_match", form.label) != 1 && n > 28 {
						t.Errorf("%d sessions: no_match is not %s", n, form.label)
					}
				}
			}
		})
	}
}

// A server that says of everything what it says of no match has lost its data, or
// is not the one that answers any more.
func TestEverythingIsAnsweredAsNoMatch(t *testing.T) {
	r := failingRig(t, 8, 3000, 8*time.Second, simoam.Options{NoMatch404: true})
	for range 2 {
		r.scrape()
	}
	r.faults.Set(faults.Fault{From: 30, Effect: faults.Status(404)})
	before := r.scrape().value("iam_sessions_ended_total")
	if got := r.scrape(); got.value("iam_source_up") != 0 || before != 0 {
		t.Errorf("up %v, %v sessions ended; want 0, 0\n%s", got.value("iam_source_up"), before, r.log)
	}
}

package oam

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/oam/plan"
	"iam_session_exporter/internal/session"
)

// asker sends the queries of one scrape, a few at a time, as long as there are
// queries and time left. It numbers the sessions that it sees.
type asker struct {
	s   *Source
	ctx context.Context

	sent    int
	slowest time.Duration // round of queries, so far
	spent   time.Duration // on rounds
	rounds  int
	ended   error // why no more are sent; nil where queries or time ran out

	rejected int // filtered searches that the server refused

	first *answer
	date  time.Time
	form  timeForm
	refs  map[identity]int
	rows  []row // by plan.Row.Ref
}

func (a *asker) Width() int { return a.s.cfg.MaxConcurrentQueries }

// Left implements plan.Asker: as many as are allowed, and may finish in time.
func (a *asker) Left() int {
	if a.ended != nil {
		return 0
	}
	left := a.s.cfg.MaxQueries - a.sent
	if deadline, ok := a.ctx.Deadline(); ok && a.sent > 0 {
		// The last one must have ended some time before the deadline.
		rounds := (time.Until(deadline) - a.slowest) / max(a.spent/time.Duration(a.rounds), time.Millisecond)
		left = min(left, max(int(rounds), 0)*a.Width())
	}
	return max(left, 0)
}

// Ask implements plan.Asker.
func (a *asker) Ask(qs []plan.Query) []plan.Answer {
	var out []plan.Answer
	for len(qs) > 0 {
		n := min(len(qs), a.Width(), a.Left())
		if n == 0 {
			return out
		}
		found, err := make([]*answer, n), make([]error, n)
		began := time.Now()
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { found[i], err[i] = a.s.search(a.ctx, a.form.filter(qs[i]), a.attempts(qs[i])) })
		}
		wg.Wait()
		took := time.Since(began)
		if a.slowest = max(a.slowest, took); a.sent == 1 {
			a.slowest, a.spent, a.rounds = took, 0, 0 // the first one had to connect
		}
		a.spent, a.rounds = a.spent+took, a.rounds+1
		a.sent += n
		for i := range n {
			p, ok := a.accept(qs[i], found[i], err[i])
			if !ok {
				return out
			}
			out = append(out, p)
		}
		qs = qs[n:]
	}
	return out
}

// maxRejected is how many searches a server may refuse in one scrape before the
// rest are not tried.
const maxRejected = 16

// attempts is how often a search may be sent: only the first, without which there
// is no scrape, again where it fails, so that max_queries holds.
func (a *asker) attempts(q plan.Query) int {
	if (q == plan.Query{}) && a.first == nil {
		return min(3, a.s.cfg.MaxQueries)
	}
	return 1
}

// accept makes a plain value of an answer. It reports false where the scrape
// can't go on.
func (a *asker) accept(q plan.Query, found *answer, err error) (plan.Answer, bool) {
	filtered := q != plan.Query{}
	if err != nil {
		status, _ := errors.AsType[*httpclient.StatusError](err)
		if status != nil && filtered && a.first != nil {
			switch status.Code {
			case http.StatusNotFound:
				return plan.Answer{Outcome: plan.NoMatch}, true
			case http.StatusBadRequest, http.StatusInternalServerError:
				// A server may find any value malformed, such as a cut address.
				if a.rejected++; a.rejected <= maxRejected {
					return plan.Answer{Outcome: plan.Rejected}, true
				}
			}
		}
		a.ended = err
		return plan.Answer{}, false
	}
	took := int64(0)
	if a.first == nil {
		a.sent += found.attempts - 1
		took = counted(found.took)
		a.first, a.date, a.refs = found, found.date, map[identity]int{}
	}
	if a.form.text == "" {
		a.form.text = found.timeText
	}
	p := plan.Answer{At: found.date.Unix(), Took: took, Total: found.total, Rows: make([]plan.Row, len(found.rows))}
	for i := range found.rows {
		p.Rows[i] = a.number(&found.rows[i])
	}
	return p, true
}

// counted is how many whole seconds before its Date an answer's sessions may have
// been counted, where it took so long. A quarter of a second is left to the way.
func counted(took time.Duration) int64 {
	return int64((max(took-250*time.Millisecond, 0) + time.Second - 1) / time.Second)
}

func (a *asker) number(r *row) plan.Row {
	id := r.identity()
	ref, ok := a.refs[id]
	if !ok {
		ref = len(a.rows)
		a.refs[id] = ref
		a.rows = append(a.rows, *r)
	}
	return plan.Row{Ref: ref, User: r.userID, IP: r.clientIP, Store: r.idStore, Impersonating: r.impersonating,
		Created: unix(r.created), Expires: wholeSeconds(r.expires), Used: wholeSeconds(r.accessed)}
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// wholeSeconds is the same of a time of whole seconds. One with a fraction can't be
// told to the second, as filters are.
func wholeSeconds(t time.Time) int64 {
	if t.Nanosecond() != 0 {
		return 0
	}
	return unix(t)
}

// timeForm writes times as the server does.
type timeForm struct{ text string }

func (f *timeForm) write(unix int64) string {
	t := time.Unix(unix, 0)
	like := f.text
	if n, err := strconv.ParseFloat(like, 64); err == nil {
		if n >= 1e11 {
			return strconv.FormatInt(t.UnixMilli(), 10)
		}
		return strconv.FormatInt(unix, 10)
	}
	if at, err := time.Parse(time.RFC3339, like); err == nil {
		t = t.In(at.Location())
	} else if at, err := time.Parse("2006-01-02T15:04:05Z0700", like); err == nil {
		t = t.In(at.Location())
	}
	layout := "2006-01-02T15:04:05"
	if strings.Contains(like, ".") || like == "" {
		layout += ".000"
	}
	switch {
	case strings.HasSuffix(like, "Z"):
		return t.UTC().Format(layout + "Z")
	case len(like) > 3 && like[len(like)-3] != ':' && like != "":
		return t.Format(layout + "-0700")
	}
	return t.Format(layout + "-07:00")
}

// filter writes a search filter.
func (f *timeForm) filter(q plan.Query) string {
	if q == (plan.Query{}) {
		return everything
	}
	fields := map[string]any{}
	for name, v := range map[string]string{"userId": q.User, "clientIp": q.IP, "idStoreName": q.Store} {
		if v != "" {
			fields[name] = v
		}
	}
	if q.Flag != plan.AnyFlag {
		fields["isImpersonating"] = q.Flag == plan.Impersonating
	}
	for name, t := range map[string]int64{"expiryTime": q.Expires, "lastAccessTime": q.Used} {
		if t != 0 {
			fields[name] = f.write(t)
		}
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return everything // strings, booleans: it can't fail
	}
	return string(text)
}

// fatal reports whether an error in the midst of a scrape is one of the whole:
// what comes after a refusal, or an answer that makes no sense, can't be trusted.
// Where the server was only slow, busy or gone, what was proven stands.
func fatal(err error) bool {
	reason, failed := session.ReasonOf(err)
	if !failed {
		return true // nobody waits any more
	}
	switch reason {
	case session.ReasonTimeout, session.ReasonConnect, session.ReasonRateLimited:
		return false
	case session.ReasonHTTP:
		status, ok := errors.AsType[*httpclient.StatusError](err)
		return !ok || status.Code < 500 && status.Code != http.StatusBadRequest
	}
	return true
}

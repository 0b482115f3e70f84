package oam

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"iam_session_exporter/internal/httpclient"
	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
)

// client sends the queries of one refresh, a few at a time, as long as there are
// queries and time left. It numbers the sessions that it sees.
type client struct {
	s     *Source
	ctx   context.Context
	began time.Time
	most  int  // queries
	once  bool // with the token at hand: none is fetched because one is refused

	sent  int
	pace  pace
	ended error // why no more are sent; nil where queries or time ran out
	fatal bool  // ended makes all answers doubtful

	failing  int                   // the last searches in a row that failed
	failure  error                 // the last one that failed, or was answered without a total
	rejected map[filter.Query]int  // searches in a row that the server refused, by kind
	skipped  int                   // searches that were not sent, as it would refuse them
	refuses  map[filter.Query]bool // kinds of filters that are proven to be answered with a 500

	first *answer
	date  time.Time
	form  timeForm
	refs  map[identity]int
	rows  []row // by filter.Row.Ref

	looked bool // formats have been told of rows
	linked bool // an answer has a link to a page of results
}

func newClient(ctx context.Context, s *Source, most int) *client {
	return &client{s: s, ctx: ctx, most: most, began: time.Now(), refuses: map[filter.Query]bool{}, rejected: map[filter.Query]int{}}
}

func (a *client) Concurrency() int { return a.s.cfg.MaxConcurrentQueries }

// Remaining implements plan.Client: as many as are allowed, and may finish in time.
func (a *client) Remaining() int {
	if a.ended != nil || errors.Is(context.Cause(a.ctx), context.DeadlineExceeded) {
		return 0
	}
	left := a.most - a.sent
	if deadline, ok := a.ctx.Deadline(); ok && a.sent > 0 {
		left = min(left, a.pace.fit(time.Until(deadline))*a.Concurrency())
	}
	return max(left, 0)
}

// Search implements plan.Client.
func (a *client) Search(qs []filter.Query) []filter.Answer {
	var out []filter.Answer
	for len(qs) > 0 {
		if a.rejected[kind(qs[0])] >= maxRejected {
			if a.skipped++; a.skipped > a.most {
				return out
			}
			out, qs = append(out, filter.Answer{Outcome: filter.Rejected}), qs[1:]
			continue
		}
		n := min(len(qs), a.Concurrency(), a.Remaining())
		if n == 0 {
			return out
		}
		found, errs := a.round(qs[:n])
		for i := range n {
			p, ok := a.accept(qs[i], found[i], errs[i])
			if !ok {
				return out
			}
			out = append(out, p)
		}
		if a.failing >= maxFailing {
			a.ended = a.failure
		}
		qs = qs[n:]
	}
	return out
}

const (
	// maxFirst is how often the first search of a refresh is sent, where it fails in
	// a way that may pass: without it there is no refresh.
	maxFirst = 3
	// maxFailing is how many searches in a row may fail before the rest are not
	// tried.
	maxFailing = 3
	// maxRejected is how many searches of a kind a server may refuse in a row before
	// no more of this kind are sent in the refresh.
	maxRejected = 16
)

// firstRound sends the first search of a refresh, without which there is none.
func (a *client) firstRound(q filter.Query) (found *answer, err error) {
	for most := min(maxFirst, a.most); ; {
		found, err = a.search(a.ctx, a.form.filter(q))
		if a.sent++; a.sent >= most || !mayPass(err) && !errors.Is(err, formEmptyBody) || !rest(a.ctx) {
			break
		}
		if reason, _ := session.ReasonOf(err); reason == session.ReasonDecode {
			most = min(most, a.sent+1) // cut off, or what will be sent again
		}
	}
	if found != nil {
		a.pace.add(found.took)
	}
	return found, err
}

// round is searches that are sent at once.
type round struct {
	*client
	ctx   context.Context
	qs    []filter.Query
	found []*answer
	errs  []error
}

// round sends searches at once, and once more those that failed in a way that may
// pass. All but the first of a refresh get a quarter of its time.
func (a *client) round(qs []filter.Query) ([]*answer, []error) {
	r := round{a, a.ctx, qs, make([]*answer, len(qs)), make([]error, len(qs))}
	if a.first == nil {
		r.found[0], r.errs[0] = a.firstRound(qs[0])
		return r.found, r.errs
	}
	began := time.Now()
	if deadline, ok := a.ctx.Deadline(); ok {
		var cancel context.CancelFunc
		r.ctx, cancel = context.WithTimeout(a.ctx, max(deadline.Sub(a.began)/4, time.Second))
		defer cancel()
	}
	all := make([]int, len(qs))
	for i := range all {
		all[i] = i
	}
	r.send(all)
	again := r.mayPass()
	if len(again) > 0 && rest(r.ctx) {
		r.sendAgain(again)
	} else if !slices.ContainsFunc(r.errs, func(err error) bool { return err != nil }) {
		a.pace.add(time.Since(began))
	}
	return r.found, r.errs
}

func (r *round) send(which []int) {
	var wg sync.WaitGroup
	for _, i := range which {
		wg.Go(func() { r.found[i], r.errs[i] = r.search(r.ctx, r.form.filter(r.qs[i])) })
	}
	wg.Wait()
	r.sent += len(which)
}

// mayPass returns the searches that are worth sending again, as far as that is
// allowed.
func (r *round) mayPass() (again []int) {
	for i, err := range r.errs {
		if mayPass(err) && len(again) < r.most-r.sent {
			again = append(again, i)
		}
	}
	return again
}

// sendAgain sends searches once more. A filter that is answered with a 500 both
// times is refused, rather than the server out of order, if it answers another
// search right after.
func (r *round) sendAgain(again []int) {
	unproven := map[filter.Query]bool{}
	for _, i := range again {
		if k := kind(r.qs[i]); statusOf(r.errs[i]) == http.StatusInternalServerError && !r.refuses[k] {
			unproven[k] = true
		}
	}
	r.send(again)
	if len(unproven) == 0 || r.sent >= r.most {
		return
	}
	_, err := r.search(r.ctx, r.form.filter(r.s.within))
	r.sent++
	for _, i := range again {
		if k := kind(r.qs[i]); err == nil && unproven[k] && statusOf(r.errs[i]) == http.StatusInternalServerError {
			r.refuses[k] = true
		}
	}
}

// rest waits a moment before what failed is sent again. It reports false where
// there is no time left.
func rest(ctx context.Context) bool {
	t := time.NewTimer(50*time.Millisecond + rand.N(100*time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// mayPass reports whether a search that failed is worth sending again: where the
// connection broke or the server or a gateway stumbled. What was slow, refuses us
// or asks for fewer searches is left alone.
func mayPass(err error) bool {
	switch status := statusOf(err); status {
	case 0:
	case http.StatusServiceUnavailable:
		return false
	default:
		return status == http.StatusRequestTimeout || status >= 500
	}
	if _, is := errors.AsType[form](err); is || err == nil {
		return false
	}
	reason, _ := session.ReasonOf(err)
	return reason == session.ReasonConnect || reason == session.ReasonDecode // also one that was cut off
}

// statusOf returns the HTTP status of an error answer; 0 where there was none.
func statusOf(err error) int {
	if status, ok := errors.AsType[*httpclient.StatusError](err); ok {
		return status.Code
	}
	return 0
}

// kind is a query of which only the fields count, and whether a text is a prefix.
func kind(q filter.Query) filter.Query {
	for _, v := range []*string{&q.User, &q.IP, &q.Store} {
		switch {
		case strings.HasSuffix(*v, "*"):
			*v = "*"
		case *v != "":
			*v = "x"
		}
	}
	q.Expires, q.Used = min(q.Expires, 1), min(q.Used, 1)
	return q
}

// accept makes a plain value of an answer. It reports false where the refresh
// can't go on.
func (a *client) accept(q filter.Query, found *answer, err error) (filter.Answer, bool) {
	if err != nil {
		if a.first == nil {
			a.ended, a.fatal = a.s.nothing(err), true
			return filter.Answer{}, false
		}
		return a.acceptFailure(q, err)
	}
	a.failing = 0
	a.linked = a.linked || found.linked
	delete(a.rejected, kind(q))
	took := int64(0)
	if a.first == nil {
		took = counted(found.took)
		a.first, a.date, a.refs = found, found.date, map[identity]int{}
	}
	if a.form.text == "" {
		a.form.text = found.timeText
	}
	p := filter.Answer{At: found.date.Unix(), Took: took, Total: found.total, Rows: make([]filter.Row, len(found.rows))}
	for i := range found.rows {
		p.Rows[i] = a.number(&found.rows[i])
	}
	return p, true
}

// acceptFailure says what a search that failed means, in a refresh whose first one
// was answered.
func (a *client) acceptFailure(q filter.Query, err error) (filter.Answer, bool) {
	filtered := q != a.s.within
	reason, failed := session.ReasonOf(err)
	status := statusOf(err)
	switch {
	case !failed: // nobody waits any more
		a.ended, a.fatal = err, true
		return filter.Answer{}, false
	case reason == session.ReasonTimeout && a.ctx.Err() != nil:
		return filter.Answer{}, false
	case reason == session.ReasonAuth, reason == session.ReasonForbidden, reason == session.ReasonUntrusted:
		// What was answered before a refusal, or beside a contradiction, can't be
		// trusted.
		a.ended, a.fatal = err, true
		return filter.Answer{}, false
	case reason == session.ReasonRateLimited, status == http.StatusServiceUnavailable:
		a.ended = err // and asked no more until the time that it names
		return filter.Answer{}, false
	case filtered && status == http.StatusBadRequest, filtered && status == http.StatusInternalServerError && a.refuses[kind(q)]:
		// A server may find any value malformed, such as a cut address.
		a.rejected[kind(q)]++
		if status == http.StatusBadRequest {
			a.failing = 0
		}
		return filter.Answer{Outcome: filter.Rejected}, true
	}
	a.failure = err
	if f := emptyForm(err); f != filter.FormUnknown {
		a.failing = 0
		return filter.Answer{Outcome: filter.NoMatch, Form: f}, true
	}
	a.failing++
	return filter.Answer{Outcome: filter.Unanswered}, true
}

// emptyForm is the form of an answer without a total, which may mean that nothing
// matches; filter.FormUnknown of any other failure.
func emptyForm(err error) filter.Form {
	switch statusOf(err) {
	case http.StatusNotFound:
		return filter.Form404
	case http.StatusNoContent:
		return filter.Form204
	}
	if f, ok := errors.AsType[form](err); ok {
		return filter.FormOther + filter.Form(f)
	}
	return filter.FormUnknown
}

// counted is how many whole seconds before its Date an answer's sessions may have
// been counted, where it took so long. A quarter of a second is left to the way.
func counted(took time.Duration) int64 {
	return int64((max(took-250*time.Millisecond, 0) + time.Second - 1) / time.Second)
}

func (a *client) number(r *row) filter.Row {
	id := r.identity()
	ref, ok := a.refs[id]
	if !ok {
		ref = len(a.rows)
		a.refs[id] = ref
		a.rows = append(a.rows, *r)
	}
	return filter.Row{Ref: ref, User: r.userID, IP: r.clientIP, Store: r.idStore, Impersonating: r.impersonating,
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
func (f *timeForm) filter(q filter.Query) string {
	if q == (filter.Query{}) {
		return everything
	}
	fields := map[string]any{}
	for name, v := range map[string]string{"userId": q.User, "clientIp": q.IP, "idStoreName": q.Store} {
		if v != "" {
			fields[name] = v
		}
	}
	if q.Flag != filter.AnyFlag {
		fields["isImpersonating"] = q.Flag == filter.Impersonating
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

package intersight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/session"
)

// Bounds of one listing, against an API that never ends. Accounts are limited
// to far fewer sessions (SessionLimits: 128 unless changed).
const (
	maxPages    = 2000
	maxSessions = 100_000
	// maxExpected is how many sessions a mere Count makes room for.
	maxExpected = 8192
)

// listing is the list of all sessions, taken once. The list may change between its
// pages, so that a row is missed or comes twice: pages overlap by one row to
// notice.
type listing struct {
	taken    time.Time // the server's clock at the first page
	asked    []string  // properties
	sessions []session.Session
	seen     map[session.Key]struct{}
	who      []session.Identity // of sessions; nil: not wanted

	end    int         // number of the row after the last one listed
	last   session.Key // of the last row
	rows   int         // of the latest page
	size   int         // of the largest page, in bytes
	widest int         // rows of the longest page

	counted     bool // the latest page reported Count
	everCounted bool // some page did
	count       int  // the latest
	steady      bool // all pages reported Count, the same, and each overlap row matched
	ended       bool // the latest page showed that nothing follows it
	cut         bool // stopped at a bound of ours
}

// lister lists the sessions of one refresh.
type lister struct {
	*Source
	endpoint   *endpoint
	identities bool   // are wanted
	answered   func() // called after the first page of each listing
	once       bool   // one page, each request sent once
	bufs       buffers
}

// list lists the sessions. A listing that contradicts itself is taken once more
// if there is time, and published as incomplete otherwise.
func (s *lister) list(ctx context.Context) (*listing, error) {
	begin := time.Now()
	first, err := s.listOnce(ctx)
	if err != nil {
		return nil, err
	}
	// Listing again would not mend the lack of a Count, or our own bounds.
	if first.complete() || !first.everCounted || first.cut {
		return first, nil
	}
	again, cancel, ok := timeAgain(ctx, time.Since(begin))
	if !ok {
		return first.orVoid()
	}
	defer cancel()
	s.decided(ctx, "the list changed between its pages: listing again")
	second, err := s.listOnce(again)
	if err == nil {
		second, err = second.orVoid()
	}
	switch {
	case err == nil:
		return second, nil
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return nil, err // nobody waits
	case first.void():
		return nil, err
	}
	s.decided(ctx, "second listing failed; publishing the first as incomplete")
	level.Debug(s.cfg.Logger).Log("msg", "Second listing failed; publishing the first as incomplete", "err", err)
	return first, nil
}

// timeAgain reports whether something that took so long can be done again before
// ctx's deadline, and the context for that: it ends early enough for the answer
// at hand to be given instead.
func timeAgain(ctx context.Context, took time.Duration) (context.Context, context.CancelFunc, bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}, true
	}
	left := time.Until(deadline)
	if left-left/10 < took+took/2 {
		return nil, nil, false
	}
	again, cancel := context.WithDeadline(ctx, deadline.Add(-left/10))
	return again, cancel, true
}

// first asks for the first page, and returns how many there may be.
func (s *lister) first(ctx context.Context) (f *fetched, most int, err error) {
	if s.once {
		f, err = s.endpoint.once(ctx, &s.bufs[0])
		return f, 1, err
	}
	f, err = s.endpoint.first(ctx, &s.bufs[0])
	return f, maxPages, err
}

func (s *lister) listOnce(ctx context.Context) (*listing, error) {
	f, most, err := s.first(ctx)
	if err != nil {
		return nil, s.blameFilter(err)
	}
	s.answered()
	if keys := s.filter.keysOf(except(s.filter.names(), f.properties...)); len(keys) > 0 {
		return nil, &session.Error{Reason: session.ReasonHTTP,
			Err: fmt.Errorf("%s: the API does not know a property that sessions are filtered by: %s", f.what, strings.Join(keys, ", "))}
	}
	l := &listing{steady: true}
	if s.identities {
		l.who = []session.Identity{}
	}
	d := newRowDecoder(s.cfg.Hasher)
	d.filter = s.filter
	if err := s.add(l, f, d); err != nil {
		return nil, err
	}
	pages := 1
	for !l.ended && !l.cut {
		width := min(widthFor(l.size), s.concurrent)
		skips := l.next(min(width, most-pages))
		if len(skips) == 0 {
			l.cut = true
			break
		}
		pages += len(skips)
		if err := s.addPages(ctx, l, d, skips, l.size+l.size/8); err != nil {
			return nil, err
		}
	}
	s.decided(ctx, fmt.Sprintf("%d pages, %d sessions, Count %d, complete %t", pages, len(l.sessions), l.count, l.complete()))
	return l, nil
}

// blameFilter adds to a 400 that a filter may be the cause of it: a build refuses to
// filter by a property that it lacks.
func (s *lister) blameFilter(err error) error {
	status := badRequest(err)
	names := s.filter.names()
	if status == nil || len(names) == 0 {
		return err
	}
	if found := named(status.Header, status.Body, names); found != nil {
		names = found
	}
	return &session.Error{Reason: session.ReasonHTTP,
		Err: fmt.Errorf("%w: the API may not know a property that sessions are filtered by: %s", err, strings.Join(s.filter.keysOf(names), ", "))}
}

// add takes a page in that begins with the last row of the one before. Of rows with
// the same Moid the first is kept: it is nearest to taken.
func (l *listing) add(f *fetched, d *rowDecoder) error {
	firstPage := l.begin(f)
	overlaps := f.skip < l.end
	rows, before := 0, len(l.sessions)
	for row := range f.rows.items {
		s, err := d.session(row, l.taken)
		if err != nil {
			return err
		}
		if rows == 0 && !firstPage && (!overlaps || s.ID != l.last) {
			l.steady = false
		}
		rows++
		l.last = s.ID
		if !l.take(s, d) {
			l.cut = true
			break
		}
	}
	if rows == 0 && overlaps {
		l.steady = false // the overlap row is gone
	}
	l.rows, l.end = rows, f.skip+rows
	// An API may list fewer rows at once than asked for, any day, and its Count may be
	// of one page: it has more to list unless it listed more at once just before.
	l.ended = len(l.sessions) == before || l.counted && l.end >= l.count && rows < l.widest
	l.widest = max(l.widest, rows)
	return nil
}

// begin takes in what a page says of the listing, and reports whether it is the
// first.
func (l *listing) begin(f *fetched) (first bool) {
	if first = l.seen == nil; first {
		expected := min(f.count, maxExpected)
		l.taken, l.asked = f.date, f.properties
		l.sessions = make([]session.Session, 0, expected)
		l.seen = make(map[session.Key]struct{}, expected)
		if l.who != nil {
			l.who = make([]session.Identity, 0, expected)
		}
	} else if f.count != l.count {
		l.steady = false
	}
	l.steady = l.steady && f.counted
	l.count, l.counted = f.count, f.counted
	l.size = max(l.size, f.size)
	l.everCounted = l.everCounted || f.counted
	return first
}

// take keeps the session that was decoded last, unless it was listed before. It
// reports false where there is no room.
func (l *listing) take(s session.Session, d *rowDecoder) bool {
	if _, ok := l.seen[s.ID]; ok {
		return true
	}
	if len(l.sessions) == maxSessions || d.full() {
		return false
	}
	l.seen[s.ID] = struct{}{}
	l.sessions = append(roomFor(l.sessions, l.count), s)
	if l.who != nil {
		l.who = append(roomFor(l.who, l.count), d.identity(&s))
	}
	return true
}

// roomFor makes room in a slice that is full: for as much again, but not for more
// than the list should have.
func roomFor[T any](s []T, expected int) []T {
	if more := min(len(s), expected-len(s)); len(s) == cap(s) && more > 0 {
		s = append(make([]T, 0, len(s)+more), s...) // Grow would take more
	}
	return s
}

// next returns where the next pages begin, at most as many as given. Each begins
// with the last row of the one before, if they have as many rows as the latest.
// Rows really listed count: an API may list fewer at once than asked for.
func (l *listing) next(most int) []int {
	if most <= 0 {
		return nil
	}
	step := l.rows - 1
	if step <= 0 {
		return []int{l.end} // nothing can overlap
	}
	skips := []int{l.end - 1}
	for len(skips) < most && l.counted {
		skip := skips[len(skips)-1] + step
		if skip >= l.count-1 {
			break
		}
		skips = append(skips, skip)
	}
	return skips
}

// complete reports whether nothing contradicts that all sessions are listed.
func (l *listing) complete() bool {
	return l.steady && l.ended && !l.cut && len(l.sessions) == l.count
}

// void reports whether the API counts sessions but lists none.
func (l *listing) void() bool { return len(l.sessions) == 0 && l.count > 0 }

// orVoid makes an error of a void listing: it must not pass for zero sessions.
func (l *listing) orVoid() (*listing, error) {
	if l.void() {
		return nil, decodeError("GET /api/v1/iam/Sessions", fmt.Errorf("the answer counts %d sessions but lists none", l.count))
	}
	return l, nil
}

// snapshot is what the listing says. Where it is not complete, counts sum to the
// sessions listed.
func (l *listing) snapshot() *session.Snapshot {
	asked := func(properties ...string) bool {
		return slices.ContainsFunc(properties, func(p string) bool { return slices.Contains(l.asked, p) })
	}
	snap := &session.Snapshot{
		Taken:    l.taken,
		Sessions: l.sessions,
		Total:    len(l.sessions),
		Reported: max(l.count, len(l.sessions)),
		Complete: l.complete(),
		Schema:   loginFields(l.asked),
		Lacks: session.Lacks{
			User:         !asked("User", "UserIdOrEmail"),
			Created:      !asked("CreateTime"),
			FailedLogins: !asked("FailedLogins"),
		},
		Resolved:   map[session.Dimension]session.Resolution{},
		Identities: l.who,
	}
	for d, p := range map[session.Dimension]property{
		session.DimensionRole:      propRole,
		session.DimensionClientIP:  propClientIPAddress,
		session.DimensionLoginType: propLoginType,
	} {
		if asked(p.String()) {
			snap.Resolved[d] = session.Resolution{Listed: true}
		}
	}
	return snap
}

// loginFields stands for what was asked for of a login: its key and its failures.
// Whatever else an API does not know is no reason to count no failed logins.
func loginFields(asked []string) uint64 {
	var set uint64
	for i, p := range [...]string{"User", "UserIdOrEmail", "LastLoginTime", "FailedLogins"} {
		if slices.Contains(asked, p) {
			set |= 1 << i
		}
	}
	return set
}

func (s *lister) decided(ctx context.Context, what string) {
	session.TraceOf(ctx).Decided("sessions: " + what)
}

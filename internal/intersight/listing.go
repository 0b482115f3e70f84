package intersight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/go-kit/log/level"

	"iam_session_exporter/internal/session"
)

// Bounds of one listing, against an API that never ends. Accounts are limited
// to far fewer sessions (SessionLimits: 128 unless changed).
const (
	maxPages    = 2000
	maxSessions = 200_000
	// maxExpected is how many sessions a mere Count makes room for.
	maxExpected = 8192
)

// listing is the whole list of sessions, taken once. The list may change between
// its pages, so that a row is missed or comes twice: pages overlap by one row to
// notice.
type listing struct {
	taken    time.Time // the server's clock at the first page
	fields   uint64    // of the properties asked for
	sessions []session.Session
	seen     map[session.Key]struct{}
	last     session.Key // of the last row of the last page

	counted     bool // the latest page told Count
	everCounted bool // some page did
	count       int  // the latest
	steady      bool // all pages told Count, the same, and each overlap row matched
	cut         bool // stopped at a bound of ours
}

// list lists the sessions. A listing that contradicts itself is taken once more
// if there is time, and published as incomplete otherwise. answered is called
// after each page that was fetched.
func (s *Source) list(ctx context.Context, answered func()) (*listing, error) {
	var buf bytes.Buffer // one for all pages
	begin := time.Now()
	first, err := s.listOnce(ctx, &buf, answered)
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
	second, err := s.listOnce(again, &buf, answered)
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
	s.decided(ctx, "listing again failed: publishing the first listing as incomplete")
	level.Debug(s.cfg.Logger).Log("msg", "Listing again failed", "err", err)
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

func (s *Source) listOnce(ctx context.Context, buf *bytes.Buffer, answered func()) (*listing, error) {
	l := &listing{steady: true}
	d := newRowDecoder(s.cfg.Hasher)
	skip, pages := 0, 0
	for {
		f, err := s.sessions.fetch(ctx, skip, buf)
		if err != nil {
			return nil, err
		}
		answered()
		rows, fresh, err := l.add(f, d)
		if err != nil {
			return nil, decodeError(f.what, err)
		}
		pages++
		end := skip + rows
		if l.counted && end >= l.count || fresh == 0 {
			break
		}
		if pages == maxPages || len(l.sessions) >= maxSessions {
			l.cut = true
			break
		}
		// The next page begins with the last row of this one. Rows really
		// listed count: an API may list fewer at once than asked for.
		skip = end - 1
	}
	s.decided(ctx, fmt.Sprintf("%d pages, %d sessions, Count %d, complete %t", pages, len(l.sessions), l.count, l.complete()))
	return l, nil
}

// add takes a page in. It returns how many rows it has, and how many sessions
// are new. Of rows with the same Moid the first is kept: it is nearest to Taken.
func (l *listing) add(f *fetched, d *rowDecoder) (rows, fresh int, err error) {
	firstPage := l.seen == nil
	if firstPage {
		expected := min(f.count, maxExpected)
		l.taken, l.fields = f.date, fieldsOf(f.properties)
		l.sessions = make([]session.Session, 0, expected)
		l.seen = make(map[session.Key]struct{}, expected)
	} else if f.count != l.count {
		l.steady = false
	}
	l.steady = l.steady && f.counted
	l.count, l.counted = f.count, f.counted
	l.everCounted = l.everCounted || f.counted
	for row := range f.rows.items {
		s, err := d.session(row, l.taken)
		if err != nil {
			return 0, 0, err
		}
		if rows == 0 && !firstPage && s.ID != l.last {
			l.steady = false
		}
		rows++
		l.last = s.ID
		if _, ok := l.seen[s.ID]; ok {
			continue
		}
		if len(l.sessions) == maxSessions {
			continue
		}
		l.seen[s.ID] = struct{}{}
		l.sessions = append(l.sessions, s)
		fresh++
	}
	return rows, fresh, nil
}

// complete reports whether nothing contradicts that all sessions are listed.
func (l *listing) complete() bool {
	return l.steady && !l.cut && len(l.sessions) == l.count
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
	return &session.Snapshot{
		Taken:    l.taken,
		Sessions: l.sessions,
		Total:    len(l.sessions),
		Reported: max(l.count, len(l.sessions)),
		Complete: l.complete(),
		Fields:   l.fields,
		Resolved: map[session.Dimension]session.Resolution{
			session.DimensionRole:     {Listed: true},
			session.DimensionClientIP: {Listed: true},
		},
	}
}

// fieldsOf stands for a set of properties.
func fieldsOf(properties []string) uint64 {
	h := fnv.New64a()
	for _, p := range properties {
		h.Write([]byte(p + ","))
	}
	return h.Sum64()
}

func (s *Source) decided(ctx context.Context, what string) {
	session.TraceOf(ctx).Decided("sessions: " + what)
}

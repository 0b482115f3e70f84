package intersight

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"iam_session_exporter/internal/session"
)

// maxLimitPages bounds the search for the account's object among the overrides
// of its permissions.
const maxLimitPages = 10

var errNoLimits = errors.New("no object without a Permission is listed")

func (s *Source) readLimits(ctx context.Context) (session.Limits, error) {
	f, err := s.limits.first(ctx, nil)
	for pages := 1; err == nil; pages++ {
		limits, rows, none := accountLimits(f)
		if none == nil {
			return limits, nil
		}
		next := f.skip + rows
		if pages == maxLimitPages || rows == 0 || !f.counted || next >= f.count || !asked(f, "Permission") {
			return session.Limits{}, decodeError(f.what, none)
		}
		f, err = s.limits.fetch(ctx, query{properties: f.properties, skip: next})
	}
	return session.Limits{}, err
}

func asked(f *fetched, property string) bool { return slices.Contains(f.properties, property) }

// accountLimits finds the account's own object in a page of iam.SessionLimits,
// the first one without a Permission (those with one override it for a role),
// and how many rows the page has. Where Permission could not be asked for, only
// a single object is sure to be the account's.
func accountLimits(f *fetched) (limits session.Limits, rows int, err error) {
	var account raw
	for row := range f.rows.items {
		rows++
		if account == nil && row.is('{') && len(row.field("permission").field("moid").text()) == 0 {
			account = row
		}
	}
	if account == nil || !asked(f, "Permission") && max(rows, f.count) > 1 {
		return limits, rows, errNoLimits
	}
	return limitsOf(account), rows, nil
}

// limitsOf reads an object of iam.SessionLimits.
func limitsOf(account raw) (limits session.Limits) {
	var buf [maxName]byte
	for written, v := range account.fields {
		n, ok := v.whole()
		// The schema's least values are above 0: 0 is no limit we understand.
		if !ok || n <= 0 || n > math.MaxInt32 {
			continue
		}
		number, seconds := int(n), time.Duration(n)*time.Second
		switch string(name(written, &buf)) {
		case "maximumlimit":
			limits.Sessions = &number
		case "peruserlimit":
			limits.UserSessions = &number
		case "idletimeout":
			limits.IdleTimeout = &seconds
		case "sessiontimeout":
			limits.Lifetime = &seconds
		}
	}
	return limits
}

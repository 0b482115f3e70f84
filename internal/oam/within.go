package oam

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"iam_session_exporter/internal/oam/filter"
	"iam_session_exporter/internal/session"
)

// within makes the query that all others are within of a configured filter. An
// error names no value.
func within(f session.Filter) (q filter.Query, err error) {
	for i, c := range f {
		if len(c.Values) != 1 || c.Values[0] == "" {
			return q, fmt.Errorf("filter.%s: must be one value", c.Key)
		}
		if slices.Contains(f[:i].Keys(), c.Key) {
			return q, fmt.Errorf("filter.%s: is there twice", c.Key)
		}
		switch v := c.Values[0]; c.Key {
		case "id_store_name":
			q.Store = v
		case "user_id":
			q.User = v
		case "client_ip":
			q.IP = v
		case "is_impersonating":
			flag, ok := map[string]filter.Flag{"true": filter.Impersonating, "false": filter.Plain}[v]
			if !ok {
				return q, fmt.Errorf("filter.%s: must be true or false", c.Key)
			}
			q.Flag = flag
		default:
			return q, fmt.Errorf("filter: has keys other than %s", strings.Join(FilterKeys(), ", "))
		}
	}
	return q, nil
}

// nothing adds to the failure of the first search that no match may be its cause.
func (s *Source) nothing(err error) error {
	failed, is := errors.AsType[*session.Error](err)
	if !is || s.within == (filter.Query{}) || emptyForm(err) == filter.FormUnknown {
		return err
	}
	return &session.Error{Reason: failed.Reason, Err: fmt.Errorf("%w; %w", failed.Err, errNothing)}
}

// errNothing explains the first answer to a filtered source if it may mean that
// nothing matches. That is never believed: what stands before a server that has gone
// answers the same, and no query within the filter has matches that would show that
// it is the server.
var errNothing = errors.New("either no session matches the filter, or this is not the OAM: an answer without a total proves neither")

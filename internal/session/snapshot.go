package session

import "time"

// Snapshot is what one refresh of a source learnt. Everything in it was answered
// in that refresh.
type Snapshot struct {
	// Taken is the server's clock when the refresh began (its Date header; ours
	// where there is none). Statuses and "past a limit" are judged by it.
	Taken time.Time

	// Sessions are those listed, each once.
	Sessions []Session

	// Total is what the counts published must sum to: the API's total, or, where
	// a listing contradicted itself, the sessions it listed. It is never below
	// len(Sessions).
	Total int

	// Reported is the total that the API itself gave; listed/Reported is the
	// listed ratio.
	Reported int

	// Complete says that every session alive when the refresh began is in
	// Sessions.
	Complete bool

	// FullyListed are the sets of which one answer listed every session: what they
	// lack is no more, even where Complete is false.
	FullyListed []Set

	// ListedLater are sessions that were listed, but are not in Sessions because
	// they may have begun after Taken. No set lacks them.
	ListedLater []Key

	// Schema stands for what the API reports of a session: where it differs from
	// the last snapshot's, what appears for the first time is no news.
	Schema uint64

	// Lacks says what was not asked for, because the API was proven not to know it.
	Lacks Lacks

	// Resolved holds, for each dimension this source has facts for, what is known
	// of its values beyond the listing. A labelled dimension that is absent does
	// not exist for this source.
	Resolved map[Dimension]Resolution

	// Statuses holds the statuses whose total was asked for directly: it is exact
	// even where not all of their sessions are listed.
	Statuses map[Status]int

	// Impersonating is the number of impersonating sessions; nil where it is not
	// known or the API has none.
	Impersonating *int

	// LockedUsers is the number of users who are locked out at Taken; nil where it
	// is not known or the API has none.
	LockedUsers *int
	// Identities say who has the sessions, in their order. It is nil unless Want asked
	// for it.
	Identities []Identity
	// Drift is the total at the last look minus that at the first; nil where the
	// total was looked at by other means.
	Drift *int

	Limits Limits
}

// Who says who has a session, as far as that is known.
func (s *Snapshot) Who(session int) (who Identity) {
	if session < len(s.Identities) {
		who = s.Identities[session]
	}
	return who
}

// Lacks are facts of sessions that a source would report if the API knew them. Then
// not even zero is known of them.
type Lacks struct {
	User         bool
	Created      bool
	FailedLogins bool
}

// Resolution says which values of one dimension may be published by name.
type Resolution struct {
	// Listed: every value in Sessions is counted right by Sessions. Those whose value
	// is not Known are of none.
	Listed bool
	// Counted: values whose total was asked for directly, as the API spells
	// them. They are exact even where not all of their sessions are listed.
	Counted map[string]int
}

// Limits are the product's own limits. A nil field is not known.
type Limits struct {
	Sessions     *int           // sessions the account may have
	UserSessions *int           // sessions one user may have
	IdleTimeout  *time.Duration // 0: never idle
	Lifetime     *time.Duration // 0: unlimited
}

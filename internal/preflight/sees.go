package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"iam_session_exporter/internal/session"
)

const sight = "sees"

// sees says what there is to see.
func (t *trial) sees() []line {
	switch t.reason {
	case session.ReasonUntrusted:
		return []line{t.failure(sight)}
	case "":
	default:
		return []line{{name: sight}}
	}
	snap := t.check.Seen
	lines := []line{t.sessions(snap)}
	tell := func(text string) {
		if text != "" {
			lines = append(lines, line{name: sight, state: good, text: text})
		}
	}
	tell(names("role", snap, func(s *session.Session) (string, bool) { return s.Role, true }))
	tell(names("identity store", snap, func(s *session.Session) (string, bool) { return s.IdentityStore, !s.StoreUnknown }))
	tell(names("login type", snap, func(s *session.Session) (string, bool) { return s.LoginType, true }))
	if t.facts.Has(session.FactAccountLimit) {
		tell(limits(snap.Limits))
	}
	if n := snap.LockedUsers; n != nil {
		tell(fmt.Sprintf("locked users: %d", *n))
	}
	for _, r := range append(t.check.Remarks, addresses(snap)...) {
		l := line{sight, good, r.Text, r.Remedy}
		if r.Remedy != "" {
			l.state = doubtful
		}
		lines = append(lines, l)
	}
	return lines
}

// sessions counts them.
func (t *trial) sessions(snap *session.Snapshot) line {
	l := line{name: sight, state: good, text: count(len(snap.Sessions), "session")}
	if len(snap.Sessions) < snap.Reported {
		l.text = fmt.Sprintf("%d of %d sessions in one response", len(snap.Sessions), snap.Reported)
	}
	users := map[session.Key]bool{}
	statuses := map[session.Status]int{}
	for i := range snap.Sessions {
		users[snap.Sessions[i].User] = true
		statuses[snap.Sessions[i].Status]++
	}
	var by []string
	for _, s := range session.Statuses() {
		if n := statuses[s]; n > 0 {
			by = append(by, fmt.Sprintf("%d %s", n, s))
		}
	}
	if len(by) > 0 {
		l.text += " (" + strings.Join(by, ", ") + ")"
	}
	if delete(users, 0); len(users) > 0 {
		l.text += ", " + count(len(users), "user")
	}
	if keys := t.info.Filtered; len(keys) > 0 {
		l.text += "; filtered by " + strings.Join(keys, ", ")
	}
	if snap.Reported == 0 {
		l.state, l.remedy = doubtful, "log in there yourself, and run this again: if there is still no session, the account may see none"
		if len(t.info.Filtered) > 0 {
			l.remedy = "see whether the filter is right: no session matches it now"
		}
	}
	return l
}

const (
	mostNames = 6  // of one kind
	longName  = 60 // runes
)

// names lists the values that sessions have, those of most sessions first. Labels of
// metrics have the same; users and addresses are never listed.
func names(kind string, snap *session.Snapshot, of func(*session.Session) (name string, known bool)) string {
	having := map[string]int{}
	lacking := 0
	for i := range snap.Sessions {
		switch name, known := of(&snap.Sessions[i]); {
		case !known:
			lacking++
		case name != "":
			having[name]++
		}
	}
	if len(having) == 0 {
		return ""
	}
	all := slices.SortedFunc(maps.Keys(having), func(a, b string) int {
		return cmp.Or(cmp.Compare(having[b], having[a]), strings.Compare(a, b))
	})
	text := count(len(all), kind) + ": "
	for i, name := range all[:min(len(all), mostNames)] {
		if r := []rune(name); len(r) > longName {
			name = string(r[:longName]) + "..."
		}
		if i > 0 {
			text += ", "
		}
		text += name
	}
	if more := len(all) - mostNames; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	if lacking > 0 {
		text += "; unknown for " + count(lacking, "session")
	}
	return text
}

func limits(l session.Limits) string {
	var all []string
	if l.Sessions != nil {
		all = append(all, fmt.Sprintf("%d sessions", *l.Sessions))
	}
	if l.UserSessions != nil {
		all = append(all, fmt.Sprintf("%d of one user", *l.UserSessions))
	}
	for _, d := range []struct {
		what string
		time *time.Duration
	}{{"idle after ", l.IdleTimeout}, {"lifetime ", l.Lifetime}} {
		if d.time != nil {
			all = append(all, d.what+model.Duration(*d.time).String())
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "limits: " + strings.Join(all, ", ")
}

// manySessions do not come from one address by chance.
const manySessions = 10

// addresses doubts that they are those of clients.
func addresses(snap *session.Snapshot) []session.Remark {
	ips := map[string]bool{}
	for i := range snap.Sessions {
		ips[snap.Sessions[i].ClientIP] = true
	}
	if len(snap.Sessions) < manySessions || len(ips) != 1 || ips[""] {
		return nil
	}
	return []session.Remark{{
		Text:   "all sessions have the same client address",
		Remedy: "if that is a proxy or load balancer, have it pass on the client's: until then, metrics and detections of addresses and networks tell nothing",
	}}
}

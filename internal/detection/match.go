package detection

import (
	"strings"

	"iam_session_exporter/internal/session"
)

// names compares users with patterns. It is made for the users of one source.
type names struct {
	exact    map[string]bool
	prefixes []string
	suffixes []string
	parts    []string
	fold     bool // case does not matter

	recorded *Pseudonymizer             // users are pseudonyms
	hashed   map[string]map[string]bool // the pseudonyms of exact, by identity store
}

// newNames reads patterns: * at either end is any text.
func newNames(patterns []string, c *compiled) *names {
	n := &names{exact: map[string]bool{}, fold: c.fold}
	if c.settings.Recorded {
		n.recorded, n.hashed = NewPseudonymizer(c.settings.Key), map[string]map[string]bool{}
	}
	for _, p := range patterns {
		if n.fold {
			p = strings.ToLower(p)
		}
		text, open := strings.CutPrefix(p, "*")
		text, ends := strings.CutSuffix(text, "*")
		if n.recorded != nil && (open || ends) {
			continue // a pseudonym has no beginning or end of a name
		}
		switch {
		case open && ends, p == "*":
			n.parts = append(n.parts, text)
		case open:
			n.suffixes = append(n.suffixes, text)
		case ends:
			n.prefixes = append(n.prefixes, text)
		default:
			n.exact[text] = true
		}
	}
	return n
}

func (n *names) empty() bool {
	return len(n.exact)+len(n.prefixes)+len(n.suffixes)+len(n.parts) == 0
}

// match reports whether a user, as the judge knows it, fits one of the patterns.
func (n *names) match(u *user) bool {
	if n.empty() {
		return false
	}
	name := u.name.Open()
	if n.recorded != nil {
		return n.pseudonyms(u.store)[name]
	}
	if n.exact[name] {
		return true
	}
	for _, p := range n.prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, s := range n.suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	for _, s := range n.parts {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

func (n *names) pseudonyms(store string) map[string]bool {
	set, ok := n.hashed[store]
	if !ok {
		set = make(map[string]bool, len(n.exact))
		for name := range n.exact {
			set[n.recorded.User(store, session.NewName(name))] = true
		}
		n.hashed[store] = set
	}
	return set
}

// identity is what tells users apart.
type identity struct{ store, name string }

// identify numbers the users of a snapshot, and tells which one each session
// has; -1: none.
func (j *judge) identify() {
	ss := j.snapshot.Sessions
	j.of = make([]int32, len(ss))
	index := make(map[identity]int32)
	for i := range ss {
		j.of[i] = -1
		who, ok := j.snapshot.Identities[ss[i].ID]
		if !ok || who.User.IsZero() {
			continue
		}
		id := identity{who.Store, who.User.Open()}
		if j.cfg.fold && !j.cfg.settings.Recorded {
			id.name = strings.ToLower(id.name)
		}
		n, ok := index[id]
		if !ok {
			n = int32(len(j.users))
			index[id] = n
			name := who.User
			if id.name != name.Open() {
				name = session.NewName(id.name)
			}
			j.users = append(j.users, user{name: name, store: id.store, key: ss[i].User})
		}
		j.users[n].count++
		j.of[i] = n
	}
}

// distinct returns the names without those that are there already.
func distinct(all []session.Name) []session.Name {
	seen := make(map[string]bool, len(all))
	out := all[:0:0]
	for _, n := range all {
		if text := n.Open(); !seen[text] {
			seen[text] = true
			out = append(out, n)
		}
	}
	return out
}

// literal returns the patterns that are whole names.
func literal(patterns []string) []session.Name {
	var out []session.Name
	for _, p := range patterns {
		if !strings.HasPrefix(p, "*") && !strings.HasSuffix(p, "*") {
			out = append(out, session.NewName(p))
		}
	}
	return out
}

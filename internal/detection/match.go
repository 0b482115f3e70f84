package detection

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

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
func (n *names) match(u *person) bool {
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

// identify numbers the users of a snapshot, and says which one each session has;
// -1: none.
func (j *judge) identify() {
	ss := j.snapshot.Sessions
	j.of = make([]int32, len(ss))
	if j.cfg.source.Facts.Has(session.FactLastLogin) {
		j.away = make([]time.Duration, len(ss))
	}
	known := make(map[*session.Person]int32, cap(j.users))
	users := register{index: make(map[string]int32, cap(j.users)), fold: j.cfg.fold && !j.cfg.settings.Recorded}
	for i := range ss {
		j.of[i] = -1
		who := j.snapshot.Who(i)
		if who.User == nil {
			continue
		}
		n, ok := known[who.User]
		if !ok {
			n = users.number(who.User)
			known[who.User] = n
			if int(n) == len(j.users) {
				j.users = append(room(j.users), user{person: person{users.name(who.User), who.User.Store, ss[i].User}})
			}
		}
		j.users[n].count++
		j.of[i] = n
		if j.away != nil && !ss[i].Created.IsZero() && !who.LastLogin.IsZero() {
			j.away[i] = ss[i].Created.Sub(who.LastLogin)
		}
	}
}

// register numbers users: those whose names are the same are one.
type register struct {
	index map[string]int32
	fold  bool   // case does not matter
	key   []byte // of the user who was numbered last: what tells users apart
	store int    // where the name begins in it
}

// number returns the number of a user; if he is new, the next.
func (r *register) number(who *session.Person) int32 {
	r.key = append(append(r.key[:0], who.Store...), 0)
	r.store = len(r.key)
	if r.key = append(r.key, who.Name.Open()...); r.fold {
		r.key = lower(r.key, r.store)
	}
	n, ok := r.index[string(r.key)]
	if !ok {
		n = int32(len(r.index))
		r.index[string(r.key)] = n
	}
	return n
}

// name is that of the user who was numbered last.
func (r *register) name(who *session.Person) session.Name {
	if folded := string(r.key[r.store:]); folded != who.Name.Open() {
		return session.NewName(folded)
	}
	return who.Name
}

// lower makes a text from some byte on lower case, in its place if it is ASCII.
func lower(text []byte, from int) []byte {
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c >= utf8.RuneSelf:
			return append(text[:from], bytes.ToLower(text[from:])...)
		case 'A' <= c && c <= 'Z':
			text[i] += 'a' - 'A'
		}
	}
	return text
}

// distinct returns the users without those that are there already.
func distinct(all []session.User) []session.User {
	type identity struct{ store, name string }
	seen := make(map[identity]bool, len(all))
	out := all[:0:0]
	for _, u := range all {
		if id := (identity{u.Store, u.Name.Open()}); !seen[id] {
			seen[id] = true
			out = append(out, u)
		}
	}
	return out
}

// literal returns the patterns that are whole names, as users to ask for first.
func literal(patterns []string) []session.User {
	var out []session.User
	for _, p := range patterns {
		if !strings.HasPrefix(p, "*") && !strings.HasSuffix(p, "*") {
			out = append(out, session.User{Name: session.NewName(p), Urgent: true})
		}
	}
	return out
}

package detection

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"iam_session_exporter/internal/session"
)

const (
	maxValue      = 256 // bytes of a value
	maxAnnotation = 1 << 10
	maxListed     = 10 // values of a list
)

// Annotations are those of an alert. They print as a fixed word, as they may hold
// names; Texts returns them to whoever sends them.
type Annotations map[string]session.Name

// Texts returns them as they are sent.
func (a Annotations) Texts() map[string]string {
	out := make(map[string]string, len(a))
	for k, v := range a {
		out[k] = v.Open()
	}
	return out
}

// Public returns the annotations that name nobody.
func (a Annotations) Public() map[string]string {
	out := make(map[string]string)
	for _, k := range []string{"summary", "runbook_url"} {
		if v := a[k]; !v.IsZero() {
			out[k] = v.Open()
		}
	}
	return out
}

// telling are the annotations that say who and where.
var telling = [...]string{"description", "user", "client_addresses", "client_networks", "last_login_client", "session_moids", "users_at_address"}

// pseudonymous returns the annotations without those that say who and where.
func (a Annotations) pseudonymous() Annotations {
	out := make(Annotations, len(a))
	for k, v := range a {
		if !slices.Contains(telling[:], k) {
			out[k] = v
		}
	}
	return out
}

func (a Annotations) set(key, text string) {
	if text != "" {
		a[key] = session.NewName(cut(text, maxAnnotation))
	}
}

// facts are what is told of a finding.
type facts struct {
	sessions int
	limit    int64
	failed   int64
	users    int

	user, subject   string
	roles           kinds
	stores          kinds
	addresses       list
	networks        kinds
	moids           list
	others          list // users at the same address
	first, last     time.Time
	lastLogin       time.Time
	lastLoginClient string
}

// annotations tell of a finding what is known.
func (j *judge) annotations(f *finding) Annotations {
	d, set := &j.cfg.table[f.detection], j.cfg.settings
	x := j.facts(f)
	a := Annotations{}
	a.set("summary", d.Summary)
	a.set("description", x.description(d, set.Pseudonymous))
	if !set.Pseudonymous {
		a.set("user", x.user)
		a.set("client_addresses", x.addresses.String())
		a.set("last_login_client", x.lastLoginClient)
		a.set("session_moids", x.moids.String())
		a.set("users_at_address", x.others.String())
	}
	a.set("role", x.roles.String())
	a.set("identity_store", x.stores.String())
	a.set("client_networks", x.networks.String())
	a.set("sessions", strconv.Itoa(x.sessions))
	if x.limit >= 0 {
		a.set("limit", strconv.FormatInt(x.limit, 10))
	}
	if x.failed > 0 {
		a.set("failed_logins", strconv.FormatInt(x.failed, 10))
	}
	a.set("first_created", stamp(x.first))
	a.set("last_created", stamp(x.last))
	a.set("last_login", stamp(x.lastLogin))
	j.partial(a)
	a.set("technique", d.Technique)
	a.set("control", d.Control)
	set.links(a, d.Alert, j.cfg.source.Name)
	return a
}

// partial says how much of the source a snapshot shows.
func (j *judge) partial(a Annotations) {
	if !j.snapshot.Complete {
		a.set("listed", fmt.Sprintf("%d of %d", len(j.snapshot.Sessions), j.snapshot.Total))
	}
}

func (s *Settings) links(a Annotations, alert, source string) {
	if s.ExternalURL != "" {
		a.set("runbook_url", s.ExternalURL+"/runbooks/"+alert)
	}
	if s.DashboardURL != "" {
		a.set("dashboard_url", s.DashboardURL+"/d/iam-sessions-security?var-source="+url.QueryEscape(source))
	}
}

// facts gathers what the sessions of a finding tell. All texts of it are defused.
func (j *judge) facts(f *finding) *facts {
	x := &facts{sessions: len(f.sessions), limit: f.limit, failed: f.failed, subject: f.subject}
	if f.user >= 0 {
		x.user = defuse(j.users[f.user].name.Open())
	}
	var lastClient string
	j.met.clear(len(j.users))
	j.been.clear(0)
	for _, n := range f.sessions {
		s := &j.snapshot.Sessions[n]
		x.roles.add(s.Role)
		x.stores.add(s.IdentityStore)
		if p := j.place(n); p.ok && j.been.first(p.address) {
			x.addresses.add(p.Address)
			if p.Network != "" || !j.cfg.settings.Pseudonymous {
				x.networks.add(p.area())
			} else {
				x.networks.add("other")
			}
		}
		if !s.Created.IsZero() {
			if x.first.IsZero() || s.Created.Before(x.first) {
				x.first = s.Created
			}
			if s.Created.After(x.last) {
				x.last = s.Created
			}
		}
		who := j.snapshot.Who(int(n))
		x.moids.add(who.Moid.Open())
		if who.LastLogin.After(x.lastLogin) {
			x.lastLogin, lastClient = who.LastLogin, who.LastLoginClient
		}
		if j.met.first(j.of[n]) {
			x.users++
		}
	}
	x.lastLoginClient = j.canonical(lastClient)
	if f.user < 0 || j.cfg.table[f.detection].Needs.Has(session.FactImpersonation) {
		x.others = j.usersAt(f)
	}
	return x
}

// canonical writes an address as others are written; what is none, as the API does.
func (j *judge) canonical(address string) string {
	if p, ok := j.cfg.locate(address); ok && address != "" {
		return p.Address
	}
	return defuse(address)
}

// usersAt lists who else has live sessions at the addresses of a finding: first
// those that are shown, in order.
func (j *judge) usersAt(f *finding) list {
	if j.cfg.settings.Pseudonymous {
		return list{}
	}
	if j.written == nil {
		j.writeUsers()
	}
	var all []string
	j.met.clear(len(j.users))
	j.been.clear(0)
	for _, n := range f.sessions {
		p := j.place(n)
		if !p.ok || !j.been.first(p.address) {
			continue
		}
		for _, i := range j.aliveAt(p.address) {
			if u := j.of[i]; u != f.user && j.met.first(j.written[u].first) {
				all = append(all, j.written[u].name)
			}
		}
	}
	first := min(maxListed, len(all))
	lead(all, first, strings.Compare)
	return list{all[:first], len(all)}
}

// written is how a user is written, and the first user who is written so.
type written struct {
	name  string
	first int32
}

func (j *judge) writeUsers() {
	j.written = make([]written, len(j.users))
	first := make(map[string]int32, len(j.users))
	for i := range j.users {
		name := defuse(j.users[i].name.Open())
		n, ok := first[name]
		if !ok {
			n = int32(i)
			first[name] = n
		}
		j.written[i] = written{name, n}
	}
}

// description is a sentence on a finding.
func (x *facts) description(d *Detection, pseudonymous bool) string {
	who, where := x.user, ""
	switch {
	case pseudonymous || who == "" && x.addresses.count == 0:
		who = x.subject
	case who == "":
		who = x.addresses.first[0]
	default:
		where = x.addresses.String()
	}
	text := who + " " + d.tells(x)
	if where != "" {
		text += ", from " + where
	}
	return text + "."
}

// list is some texts, of which the first few are shown.
type list struct {
	first []string // at most maxListed, defused
	count int      // of all
}

// add adds a text.
func (l *list) add(text string) {
	if text == "" {
		return
	}
	l.count++
	if len(l.first) < maxListed {
		l.first = append(l.first, defuse(text))
	}
}

// String shows the first few, as many as an annotation can hold, and how many more
// there are.
func (l *list) String() string {
	for n := len(l.first); ; n-- {
		text := strings.Join(l.first[:n], ", ")
		if more := l.count - n; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if n < 2 || len(text) <= maxAnnotation {
			return text
		}
	}
}

// kinds is a list of texts that come often, each once.
type kinds struct {
	list
	known []string // the first few, as they came
	seen  map[string]bool
}

// add adds a text if it is not there yet.
func (l *kinds) add(text string) {
	if text == "" || slices.Contains(l.known, text) {
		return
	}
	if len(l.known) < maxListed {
		l.known = append(l.known, text)
	}
	text = defuse(text)
	if l.seen[text] {
		return
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[text] = true
	l.list.add(text)
}

// defuse makes a text from an API harmless to whoever shows it: nothing that
// hides or turns what stands around it, no markup, not too long.
func defuse(s string) string {
	if harmless(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 && b.Len() < maxValue {
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		switch {
		case r == '<':
			r = '‹'
		case r == '>':
			r = '›'
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.In(r, unicode.Zl, unicode.Zp):
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	return cut(b.String(), maxValue)
}

// harmless reports whether a text is short and of printable ASCII, without markup.
func harmless(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '<' || c == '>' {
			return false
		}
	}
	return len(s) <= maxValue
}

// cut shortens a text to a number of bytes, at the end of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func count[N int | int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// age writes a number of seconds as people do.
func age(s int64) string {
	const day = 24 * 60 * 60
	switch {
	case s >= 2*day && s%day == 0:
		return fmt.Sprintf("%d days", s/day)
	case s >= 60*60 && s%(60*60) == 0:
		return count(s/(60*60), "hour")
	case s >= 60 && s%60 == 0:
		return count(s/60, "minute")
	}
	return count(s, "second")
}

// stormAnnotations tell of alerts that are held back.
func (j *judge) stormAnnotations(d *Detection, held, limit int) Annotations {
	a := Annotations{}
	a.set("summary", StormSummary)
	a.set("description", fmt.Sprintf("%s of %s held back: at most %d are sent. The status page and metrics have their numbers.", count(held, "alert"), d.Key, limit))
	a.set("limit", strconv.Itoa(limit))
	j.partial(a)
	a.set("technique", d.Technique)
	a.set("control", d.Control)
	j.cfg.settings.links(a, Storm, j.cfg.source.Name)
	return a
}

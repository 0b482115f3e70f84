package detection

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
)

// recorded is a snapshot as a recording has it: pseudonyms instead of users and
// addresses, networks by name or pseudonym.
func recorded(s *session.Snapshot, src Source, key []byte) (*session.Snapshot, func(string) (Place, bool)) {
	p := NewPseudonymizer(key)
	out, known := *s, map[string]Place{}
	out.Sessions, out.Identities = slices.Clone(s.Sessions), slices.Clone(s.Identities)
	for i := range out.Sessions {
		x := &out.Sessions[i]
		if at, ok := locate(x.ClientIP); ok {
			at.Address = p.Address(at.Address)
			if at.Prefix != "" {
				at.Prefix = p.Make("p", "prefix", "", at.Prefix)
			}
			x.ClientIP, known[at.Address] = at.Address, at
		}
		who := out.Identities[i].User
		if who == nil {
			continue
		}
		name := who.Name.Open()
		if src.API == session.Intersight {
			name = strings.ToLower(name)
		}
		out.Identities[i].User = session.NewPerson(p.User(who.Store, session.NewName(name)), who.Store)
	}
	return &out, func(text string) (Place, bool) { at, ok := known[text]; return at, ok }
}

// What is found in a snapshot is found in its recording, for the same subjects,
// if no setting needs a part of a name.
func TestRecordedSnapshots(t *testing.T) {
	lines := func(j *judge) []string {
		var out []string
		for _, f := range j.findings {
			out = append(out, fmt.Sprintf("%s %s %s %s %d", j.cfg.table[f.detection].Key, f.severity, f.subject, f.starts, len(f.sessions)))
		}
		slices.Sort(out)
		return out
	}
	found := 0
	for seed := range 300 {
		r := rand.New(rand.NewPCG(uint64(seed), 16))
		src := pick(r, cloud, sso)
		var logins []login
		for range r.IntN(40) {
			logins = append(logins, randomLogin(r, src))
		}
		s, set := snap(logins...), randomSettings(r)
		whole := func(patterns []string) []string {
			return slices.DeleteFunc(slices.Clone(patterns), func(p string) bool { return strings.Contains(p, "*") })
		}
		set.Privileged.Users, set.ServiceAccounts, set.Exceptions = whole(set.Privileged.Users), whole(set.ServiceAccounts), nil
		for _, o := range set.Detections {
			for _, v := range []Values{o.General, o.Privileged} {
				if users, ok := v["users"].([]string); ok {
					v["users"] = whole(users)
				}
				if expect, ok := v["expect"].([]Expect); ok {
					for i := range expect {
						expect[i].Users = whole(expect[i].Users)
					}
				}
			}
		}
		want := lines(judged(src, set, s))
		rec, at := recorded(s, src, set.Key)
		replay := *set
		replay.Recorded, replay.Locate = true, at
		e := NewEngine(src, &replay)
		got := lines(evaluate(e.cfg, e.pseudo, rec))
		same(t, fmt.Sprintf("recording %d", seed), got, want)
		found += len(got)
	}
	if found == 0 {
		t.Error("nothing was found in any recording")
	}
}

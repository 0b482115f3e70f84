package detection

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
)

// lead puts in front what sorting would, and loses nothing.
func TestLead(t *testing.T) {
	compare := func(a, b int) int { return a - b }
	r := rand.New(rand.NewPCG(1, 17))
	for range 200 {
		all := make([]int, 1+r.IntN(40))
		for i := range all {
			all[i] = r.IntN(20)
		}
		want := slices.Sorted(slices.Values(all))
		n := 1 + r.IntN(len(all))
		lead(all, n, compare)
		if got := all[:n]; !slices.Equal(got, want[:n]) {
			t.Fatalf("first %d: got %v, want %v", n, got, want[:n])
		}
		if got := slices.Sorted(slices.Values(all)); !slices.Equal(got, want) {
			t.Fatalf("all: got %v, want %v", got, want)
		}
	}
}

// Who else is at the addresses of a finding is what a look at all sessions tells.
func TestUsersAtAgainstNaive(t *testing.T) {
	listed := 0
	for seed := range 300 {
		r := rand.New(rand.NewPCG(uint64(seed), 18))
		src := pick(r, cloud, sso)
		var logins []login
		for range r.IntN(60) {
			l := randomLogin(r, src)
			if r.IntN(2) == 0 {
				l.user = pick(r, "a<b", "a‹b", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj", "olivia")
			}
			logins = append(logins, l)
		}
		s := snap(logins...)
		set := base().with("shared_address", Values{"enabled": true, "max": 1}, nil)
		j := judged(src, set, s)
		for i := range j.findings {
			f := &j.findings[i]
			var want list
			for _, u := range naiveUsersAt(j, f) {
				want.add(u)
			}
			if got := j.usersAt(f); got.String() != want.String() {
				t.Fatalf("world %d: got %s, want %s", seed, got.String(), want.String())
			}
			listed += want.count
		}
	}
	if listed == 0 {
		t.Error("nobody was listed in any world")
	}
}

func naiveUsersAt(j *judge, f *finding) []string {
	var all []string
	for i := range j.snapshot.Sessions {
		s := &j.snapshot.Sessions[i]
		if j.of[i] < 0 || j.of[i] == f.user || s.Status != session.Active && s.Status != session.Idle {
			continue
		}
		there := slices.ContainsFunc(f.sessions, func(n int32) bool {
			p, ok := locate(s.ClientIP)
			q, also := locate(j.snapshot.Sessions[n].ClientIP)
			return ok && also && p.Address == q.Address
		})
		if there {
			all = append(all, strings.NewReplacer("<", "‹", ">", "›").Replace(j.users[j.of[i]].name.Open()))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

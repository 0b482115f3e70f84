package endtoend

import (
	"net/netip"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/world"
)

// pair is a label value with a status.
type pair struct{ value, status string }

// truth is what the families of sessions must say of a world, worked out apart from
// the program's own code.
type truth struct {
	total    int
	byStatus map[string]int
	by       map[string]map[pair]int // by family
}

var labelOf = map[string]string{
	"iam_sessions_by_role":           "role",
	"iam_sessions_by_client_ip":      "client_ip",
	"iam_sessions_by_identity_store": "identity_store",
	"iam_sessions_by_login_type":     "login_type",
	"iam_sessions_by_client_network": "client_network",
}

func truthOf(sessions []world.Session, networks map[string]netip.Prefix) truth {
	t := truth{byStatus: map[string]int{}, by: map[string]map[pair]int{}}
	for f := range labelOf {
		t.by[f] = map[pair]int{}
	}
	for _, s := range sessions {
		t.total++
		status := s.Status.String()
		t.byStatus[status]++
		ip, network := "none", "none"
		if s.ClientIP != "" {
			ip, network = "invalid", "invalid"
			if a, ok := parse(s.ClientIP); ok {
				ip, network = a.String(), "other"
				for name, p := range networks {
					if p.Contains(a) {
						network = name
					}
				}
			}
		}
		t.by["iam_sessions_by_client_ip"][pair{ip, status}]++
		t.by["iam_sessions_by_client_network"][pair{network, status}]++
		t.by["iam_sessions_by_role"][pair{orNone(s.Role), status}]++
		t.by["iam_sessions_by_identity_store"][pair{storeLabel(s), status}]++
		t.by["iam_sessions_by_login_type"][pair{orNone(s.LoginType), status}]++
	}
	return t
}

// orNone is a value as a label has it: without control characters.
func orNone(s string) string {
	s = strings.ReplaceAll(s, "\t", "")
	if s == "" {
		return "none"
	}
	return s
}

func storeLabel(s world.Session) string {
	if s.StoreUnknown {
		return "other"
	}
	return orNone(s.Store)
}

// parse reads an address: the first one of a list, without port and zone.
func parse(s string) (netip.Addr, bool) {
	s, _, _ = strings.Cut(s, ",")
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

// check compares a scrape with the truth: equal where the source says that it is
// complete; where it is not, sums that are equal and statuses that are lower
// bounds; nothing where it is down.
func (tr truth) check(t *testing.T, got samples, families ...string) {
	t.Helper()
	up, complete := got.value("iam_source_up") == 1, got.value("iam_source_complete") == 1
	all := append([]string{"iam_sessions"}, families...)
	for _, f := range all {
		sum, found := got.get(f)
		if found != up && !(up && sum == 0 && tr.total == 0) {
			t.Errorf("up %v, %s there: %v", up, f, found)
		}
		if up && sum != float64(tr.total) {
			t.Errorf("%s sums to %v, truth is %d (complete %v)", f, sum, tr.total, complete)
		}
	}
	if !up {
		return
	}
	for _, s := range session.Statuses() {
		v, found := got.get("iam_sessions", "status", s.String())
		want := float64(tr.byStatus[s.String()])
		switch {
		case complete && (!found || v != want):
			t.Errorf("%s: %v (there %v), truth is %v", s, v, found, want)
		case !complete && s != session.Unknown && v > want:
			t.Errorf("%s: %v is no lower bound of %v", s, v, want)
		}
	}
	for _, f := range families {
		seen := map[pair]bool{}
		for _, x := range got {
			if x.family != f {
				continue
			}
			p := pair{x.labels[labelOf[f]], x.labels["status"]}
			if seen[p] {
				t.Errorf("%s: %v twice", f, p)
			}
			seen[p] = true
			if complete && x.value != float64(tr.by[f][p]) {
				t.Errorf("%s: %v is %v, truth is %d", f, p, x.value, tr.by[f][p])
			}
		}
		if complete {
			for p, n := range tr.by[f] {
				if n > 0 && !seen[p] {
					t.Errorf("%s: %v is missing, truth is %d", f, p, n)
				}
			}
		}
	}
}

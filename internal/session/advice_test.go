package session

import "testing"

func TestEachReasonHasAdvice(t *testing.T) {
	all := []Reason{ReasonAuth, ReasonForbidden, ReasonRateLimited, ReasonTimeout, ReasonConnect, ReasonTLS, ReasonHTTP, ReasonDecode, ReasonUntrusted}
	if got := Reasons(); len(got) != len(all) {
		t.Errorf("got reasons %v, want %v", got, all)
	}
	for _, r := range all {
		if r.Check() == "" || r.Advice() == "" {
			t.Errorf("%s: got check %q and advice %q, want both", r, r.Check(), r.Advice())
		}
	}
	if got := Reason("").Advice(); got != "" {
		t.Errorf("no reason: got %q, want nothing", got)
	}
}

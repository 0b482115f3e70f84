package filter

import "testing"

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		q, base, want Query
		ok            bool
	}{
		{Query{}, Query{}, Query{}, true},
		{Query{}, Query{Store: "oud", Flag: Plain}, Query{Store: "oud", Flag: Plain}, true},
		{Query{IP: "10.0.0.1", Used: 7}, Query{User: "ann"}, Query{User: "ann", IP: "10.0.0.1", Used: 7}, true},
		{Query{Flag: Impersonating}, Query{User: "ann"}, Query{User: "ann", Flag: Impersonating}, true},
		{Query{User: "bob", Store: "oud"}, Query{User: "ann"}, Query{}, false},
		{Query{User: "ann"}, Query{User: "ann"}, Query{}, false},
		{Query{Flag: Plain}, Query{Flag: Impersonating}, Query{}, false},
	} {
		got, ok := c.q.Within(c.base)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%v within %v: got %v, %v, want %v, %v", c.q, c.base, got, ok, c.want, c.ok)
		}
	}
}

func TestAdmits(t *testing.T) {
	ann := Row{User: "ann", IP: "::ffff:10.0.0.1", Store: "OUD", Impersonating: true}
	for _, c := range []struct {
		base Query
		fold bool
		want bool
	}{
		{Query{}, false, true},
		{Query{User: "ann", Store: "OUD", IP: "::ffff:10.0.0.1", Flag: Impersonating}, false, true},
		{Query{IP: "10.0.0.1"}, false, true},
		{Query{IP: "10.0.0.10"}, true, false},
		{Query{IP: "10.0.0.*"}, true, false},
		{Query{Store: "oud"}, false, false},
		{Query{Store: "oud"}, true, true},
		{Query{Store: "OU"}, true, false},
		{Query{User: "a*"}, true, false},
		{Query{User: "ann", Flag: Plain}, true, false},
	} {
		if got := c.base.Admits(&ann, c.fold); got != c.want {
			t.Errorf("%v, case ignored %v: got %v, want %v", c.base, c.fold, got, c.want)
		}
	}
	listed := Row{IP: "10.0.0.1, \uFFFD10.0.0.2"}
	if q := (Query{IP: "10.0.0.1"}); !q.Admits(&listed, false) {
		t.Errorf("%v: got false for %+v, want true", q, listed)
	}
	if got, want := ann.Without(Query{Store: "oud", Flag: Plain}), (Row{User: "ann", IP: "::ffff:10.0.0.1", Impersonating: true}); got != want {
		t.Errorf("without its store: got %v, want %v", got, want)
	}
}

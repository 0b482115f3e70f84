package filter

import (
	"slices"
	"testing"
)

// Each query that narrows another matches the row that it was made for.
func TestNarrow(t *testing.T) {
	ann := Row{User: "ann", IP: "10.0.0.1", Store: "oud", Impersonating: true}
	for _, c := range []struct {
		name string
		can  Capabilities
		q    Query
		want []Query
	}{
		{"everything, by equality", Capabilities{}, Query{}, []Query{{Store: "oud"}, {Flag: Impersonating}, {IP: "10.0.0.1"}, {User: "ann"}}},
		{"everything, with wildcards", Capabilities{WildcardIP: Yes, WildcardUser: Yes}, Query{}, []Query{{Store: "oud"}, {Flag: Impersonating}, {IP: "10.0.0.1"}, {User: "ann"}, {IP: "1*"}, {User: "a*"}}},
		{"an address, where fields don't combine", Capabilities{}, Query{IP: "10.0.0.1"}, nil},
		{"an address", Capabilities{Combine: Yes}, Query{IP: "10.0.0.1"}, []Query{{IP: "10.0.0.1", Store: "oud"}, {IP: "10.0.0.1", User: "ann"}}},
		{"an address and a store", Capabilities{Combine: Yes}, Query{IP: "10.0.0.1", Store: "oud"}, []Query{{IP: "10.0.0.1", Store: "oud", User: "ann"}}},
		{"a user", Capabilities{Combine: Yes}, Query{User: "ann"}, []Query{{User: "ann", IP: "10.0.0.1"}}},
		{"a store", Capabilities{Combine: Yes}, Query{Store: "oud"}, []Query{{Store: "oud", Flag: Impersonating}}},
		{"a prefix", Capabilities{WildcardUser: Yes}, Query{User: "a*"}, []Query{{User: "an*"}}},
		{"a prefix that is the name", Capabilities{WildcardUser: Yes}, Query{User: "ann*"}, []Query{{User: "ann"}}},
		{"a prefix, where fields combine", Capabilities{Combine: Yes, WildcardUser: Yes, WildcardIP: Yes}, Query{User: "a*"}, []Query{{User: "a*", IP: "1*"}, {User: "an*"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.can.Narrow(c.q, &ann, nil)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			for _, q := range got {
				if !q.Holds(&ann, false) {
					t.Errorf("got %v, want one that matches the row it was made for", q)
				}
			}
		})
	}
}

func TestApart(t *testing.T) {
	for _, c := range []struct {
		a, b Query
		want bool
	}{
		{Query{IP: "10.0.0.1"}, Query{IP: "10.0.0.2"}, true},
		{Query{IP: "10.0.0.1"}, Query{User: "ann"}, false},
		{Query{IP: "10.0.0.*"}, Query{IP: "10.0.0.2"}, false},
		{Query{IP: "10.0.1*"}, Query{IP: "10.0.0*"}, true},
		{Query{User: "a*"}, Query{User: "ann"}, false},
		{Query{Store: "oud", Flag: Plain}, Query{Store: "oud", Flag: Impersonating}, true},
		{Query{}, Query{User: "ann"}, true},
	} {
		if got := Apart(c.a, c.b); got != c.want {
			t.Errorf("%v and %v: got %v, want %v", c.a, c.b, got, c.want)
		}
		if got := Apart(c.b, c.a); got != c.want {
			t.Errorf("%v and %v: got %v, want %v", c.b, c.a, got, c.want)
		}
	}
}

func TestValuesThatCannotBeAskedFor(t *testing.T) {
	for v, want := range map[string]bool{"": false, "a*": false, "a\uFFFD": false, "a": true} {
		if got := Askable(v); got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
}

package oam

import (
	"reflect"
	"testing"

	"github.com/go-kit/log"

	"iam_session_exporter/internal/oam/plan"
)

// Where case is ignored, values that differ by it are one value: the counted one,
// and where all is listed and nothing counted, the same one in any order of rows.
func TestOneSpellingWhereCaseIsIgnored(t *testing.T) {
	for _, c := range []struct {
		name         string
		complete     bool
		folded       bool
		counted      map[string]int
		stores, want []string
	}{
		{"counted", false, true, map[string]int{"oid": 3}, []string{"OID", "Oid", "AD", "ad"}, []string{"oid", "oid", "AD", "AD"}},
		{"all listed", true, true, nil, []string{"oid", "OID", "", "Oid", "ad"}, []string{"OID", "OID", "", "OID", "ad"}},
		{"all listed, in another order", true, true, nil, []string{"OID", "ad", "oid"}, []string{"OID", "ad", "OID"}},
		{"case matters", true, false, nil, []string{"oid", "OID"}, []string{"oid", "OID"}},
	} {
		s, err := New(Config{Name: "sso", URL: "https://login.example.com/", Logger: log.NewNopLogger()})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		a := &asker{}
		r := &plan.Result{Total: len(c.stores), Last: len(c.stores), Complete: c.complete, Folded: c.folded, Stores: c.counted, Impersonating: -1, Expired: -1, Idle: -1}
		for i, store := range c.stores {
			a.rows = append(a.rows, row{idStore: store})
			r.Listed = append(r.Listed, i)
		}
		var got []string
		for _, x := range s.conclude(a, r).Sessions {
			got = append(got, x.IdentityStore)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

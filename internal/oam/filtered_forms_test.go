package oam

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// randomForm is a server whose search means something or other; plain says that its
// filters mean what they say.
func randomForm(r *rand.Rand) (o simoam.Options, plain bool) {
	o.Seed = r.Uint64()
	o.Rows = simoam.RowsMode(r.IntN(2))
	o.NoMatch404 = r.IntN(3) == 0
	o.Filter.Wildcard = r.IntN(2) == 0
	o.Filter.IgnoreCase = r.IntN(3) == 0
	o.Filter.ExpiryTime, o.Filter.LastAccessTime = simoam.TimeFilter(r.IntN(6)), simoam.TimeFilter(r.IntN(6))
	switch r.IntN(6) {
	case 0:
		o.Filter.Combine = simoam.Combine(1 + r.IntN(2))
	case 1:
		o.Filter.Match = simoam.Match(1 + r.IntN(2))
	case 2:
		o.Filter.Ignore = []string{[]string{simoam.FieldUserID, simoam.FieldClientIP, simoam.FieldStore, simoam.FieldImpersonating}[r.IntN(4)]}
	case 3:
		o.Filter.FalseIsUnset = true
	default:
		plain = true
	}
	return o, plain
}

// Whatever the filters of a server mean, what is published of a filtered source is
// of the subset, and exact, or nothing is published, unless the server hides each
// session that would show it, as hardly one does. A server whose filters mean what
// they say is never distrusted.
func TestFilteredSourceOnManyServers(t *testing.T) {
	n, published, hidden := uint64(60), 0, 0
	if os.Getenv("SOAK") != "" {
		n = 1500
	}
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, 16))
		w := world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: []int{15, 60, 250, 900}[r.IntN(4)], Addresses: 8 + r.IntN(40), Users: 30 + r.IntN(200), Stores: 1 + r.IntN(4)})
		truth := w.Truth(session.OAM)
		like := truth[r.IntN(len(truth))]
		o, plain := randomForm(r)
		var f session.Filter
		for _, c := range []session.Condition{condition("id_store_name", like.Store), condition("client_ip", like.ClientIP), condition("user_id", like.User), condition("is_impersonating", fmt.Sprint(like.Impersonating))} {
			if r.IntN(3) == 0 {
				f = append(f, c)
			}
		}
		if len(f) == 0 {
			f = session.Filter{condition("id_store_name", like.Store)}
		}
		if o.Filter.IgnoreCase && f[0].Key == "id_store_name" && r.IntN(2) == 0 {
			f[0] = condition(f[0].Key, strings.ToUpper(like.Store))
		}
		base, err := within(f)
		if err != nil {
			t.Fatal(err)
		}
		same := func(want, have string) bool {
			return want == "" || want == have || o.Filter.IgnoreCase && strings.EqualFold(want, have)
		}
		total, addresses, stores := 0, map[string]int{}, map[string]int{}
		for _, s := range truth {
			if same(base.User, s.User) && same(base.IP, s.ClientIP) && same(base.Store, s.Store) && (base.Flag == 0 || s.Impersonating == like.Impersonating) {
				total++
				addresses[s.ClientIP]++
				stores[s.Store]++
			}
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			srv := httptest.NewServer(simoam.New(w, o))
			defer srv.Close()
			s := source(t, srv.URL, func(c *Config) { c.Filter, c.MaxQueries, c.Now = f, 150, w.Now })
			for range 2 {
				snap, err := s.Snapshot(t.Context(), session.Want{ClientIPs: 100})
				if err != nil {
					if reason, _ := session.ReasonOf(err); plain || reason != session.ReasonUntrusted {
						t.Errorf("%d of %d sessions match %+v: got %v, want an answer, or not to trust it; server %+v", total, len(truth), base, err, o)
					}
					return
				}
				published++
				if !plain && !snap.Complete && snap.Total != total {
					hidden++ // each session that was listed matches the filter
					continue
				}
				if snap.Total != total {
					t.Errorf("got %d sessions, want %d of %d that match %+v; server %+v", snap.Total, total, len(truth), base, o)
				}
				for d, want := range map[session.Dimension]map[string]int{session.DimensionClientIP: addresses, session.DimensionIdentityStore: stores} {
					for v, got := range snap.Resolved[d].Counted {
						if got != want[v] {
							t.Errorf("got %d sessions of %s, want %d; filter %+v, server %+v", got, v, want[v], base, o)
						}
					}
				}
				if snap.Complete && len(snap.Sessions) != total {
					t.Errorf("complete with %d sessions, want %d", len(snap.Sessions), total)
				}
			}
		})
	}
	if published == 0 || hidden > int(n)/200 {
		t.Errorf("published %d snapshots, %d of them with other sessions that no answer showed; want some, and at most %d", published, hidden, n/200)
	}
}

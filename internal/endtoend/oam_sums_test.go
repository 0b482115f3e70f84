package endtoend

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// Sessions begin and end while they are counted, some stamped by a clock that is a
// few seconds slow: all families sum to the total that the first search found.
func TestFamiliesSumAlikeInMovingWorlds(t *testing.T) {
	worlds := uint64(60)
	if os.Getenv("SOAK") != "" {
		worlds = 1500
	}
	up, scrapes, folded := 0, 0, 0
	for seed := range worlds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			n := oneOf(r, 20, 30, 48, 48, 70, 150, 400)
			w := world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: n, Addresses: oneOf(r, 3, 8, n/6+1), Users: n/3 + 1, Stores: oneOf(r, 1, 2, 4)})
			every, begin, end := oneOf(r, 4, 10, 25), oneOf(r, 0, 1, 2), oneOf(r, 0, 1, 2)
			slow := time.Duration(oneOf(r, 0, 0, 2, 90)) * time.Second
			var mu sync.Mutex
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{
				Seed: seed, Rows: oneOf(r, simoam.RowsDrawn, simoam.RowsFixed), Filter: simoam.Filter{Wildcard: chance(r, .3)},
				OnQuery: func(i int, q simoam.Query) {
					if len(q.Fields) == 0 || i%every != 0 {
						return
					}
					mu.Lock() // searches are answered concurrently
					defer mu.Unlock()
					w.Step(time.Duration(r.IntN(2)) * time.Second)
					all := w.Truth(session.OAM)
					for range min(end, len(all)-1) {
						w.Remove(session.OAM, all[r.IntN(len(all))].ID)
					}
					for range begin {
						like := all[r.IntN(len(all))]
						w.Add(session.OAM, func(s *world.Session) {
							s.User, s.Store, s.ClientIP = like.User, like.Store, like.ClientIP
							s.Created = s.Created.Add(-slow)
							s.LastAccess, s.Updated, s.Expires = s.Created, s.Created, s.Created.Add(24*time.Hour)
						})
					}
				}})
			rig.role = oneOf(r, "", "role")
			limit, prefix := oneOf(r, 2, 100), oneOf(r, 32, 24)
			rig.change = func(o *collector.Options) {
				o.Labels.ClientIP.Limit, o.Labels.ClientIP.IPv4Prefix = limit, prefix
				if chance(r, .5) {
					withNetworks(o)
				}
			}
			rig.start()
			for range 4 {
				w.Step(2 * time.Second)
				total := len(w.Truth(session.OAM))
				got := rig.scrape()
				if scrapes++; got.value("iam_source_up") != 1 {
					continue // it moved too much
				}
				up++
				if got.value("iam_source_complete") == 0 {
					folded++
				}
				for _, f := range []string{"iam_sessions", "iam_sessions_by_client_ip", "iam_sessions_by_identity_store", "iam_sessions_by_role", "iam_sessions_by_client_network"} {
					if sum, there := got.get(f); there && sum != float64(total) {
						t.Errorf("%s sums to %v, the total is %d: of %d sessions, every %d searches %d begin, stamped %v late, and %d end", f, sum, total, n, every, begin, slow, end)
					}
				}
			}
		})
	}
	if t.Logf("%d of %d scrapes succeeded, %d of them incomplete", up, scrapes, folded); up < scrapes*3/4 {
		t.Errorf("too many failed to tell anything; up = %v, want at least %v", up, scrapes*3/4)
	}
}

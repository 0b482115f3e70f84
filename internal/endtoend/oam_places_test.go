package endtoend

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/go-kit/log"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/oam"
	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// named are the label values of a family that are no reserved words, with their
// sessions.
func (s samples) named(family, label string) map[string]float64 {
	out := map[string]float64{}
	for _, x := range s {
		switch v := x.labels[label]; {
		case x.family != family, v == "other", v == "none", v == "invalid", v == "unknown":
		default:
			out[v] += x.value
		}
	}
	return out
}

// withQueries starts a source of which a scrape takes at most n queries.
func (r *rig) withQueries(n int) {
	r.t.Helper()
	src, err := oam.New(oam.Config{Name: "test", URL: r.url, HTTP: r.http, Options: oam.Options{IdleTimeout: 15 * time.Minute, SessionLifetime: 24 * time.Hour,
		MaxQueries: n, MaxConcurrentQueries: 2}, Now: r.world.Now, Logger: log.NewNopLogger(), Hasher: session.NewHasher()})
	if err != nil {
		r.t.Fatal(err)
	}
	opt := collector.Options{Name: "test", API: session.OAM, Timeout: time.Minute, Now: r.world.Now, Logger: log.NewNopLogger(),
		Grouping: grouping.Grouping{Labels: grouping.Labels{IdentityStore: grouping.Label{Limit: 50}, LoginType: grouping.Label{Limit: 10}, ClientIP: grouping.ClientIP{Limit: 100, IPv4Prefix: 32, IPv6Prefix: 128}}}}
	if r.change != nil {
		r.change(&opt)
	}
	r.source = collector.NewSource(src, opt)
	r.collector = collector.New(r.source)
	r.t.Cleanup(r.collector.Close)
}

// flat is a world in which addresses have about as many sessions each.
func flat(seed uint64, n, ips, users int) *world.World {
	w := world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: 1, Addresses: 1, Users: 1, Stores: 4})
	r := rand.New(rand.NewPCG(seed, 5))
	now := w.Now()
	w.AddN(session.OAM, n, func(i int, s *world.Session) {
		k := r.IntN(ips)
		s.ClientIP, s.User, s.Store = fmt.Sprintf("10.%d.%d.%d", k%7, k/250, k%250+1), fmt.Sprintf("user%d", r.IntN(users)), fmt.Sprintf("store%d", i%4)
		s.Created = now.Add(-time.Duration(60+r.IntN(36000)) * time.Second)
		s.LastAccess, s.Updated, s.Expires = s.Created, s.Created, s.Created.Add(24*time.Hour)
	})
	return w
}

// Where nothing moves, no published address gives way but to one that is clearly
// larger. A published network does too where an address in it gave way to a larger
// one elsewhere, so that more is resolved. Large worlds take long, with ten scrapes
// each; with -short, small ones must do.
func TestPublishedAddressesKeepTheirPlaces(t *testing.T) {
	soak, seeds := os.Getenv("SOAK") != "", uint64(1)
	if soak {
		seeds = 4
	}
	zipf := func(seed uint64, n, ips, users int) *world.World {
		return world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: n, Addresses: ips, Users: users, Stores: 4})
	}
	for _, w := range []struct {
		name                   string
		world                  func(seed uint64, n, ips, users int) *world.World
		n, ips, users, queries int
		everyday               bool
	}{
		{"500", zipf, 500, 200, 200, 150, true}, {"3000", zipf, 3000, 400, 1200, 200, true}, {"3000", zipf, 3000, 400, 1200, 1200, false},
		{"100,000", zipf, 100_000, 5000, 30_000, 200, false}, {"20,000 flat", flat, 20_000, 1500, 6000, 200, true},
		{"500 flat", flat, 500, 200, 200, 150, false}, {"3000 flat", flat, 3000, 400, 1200, 200, true}, {"3000 flat", flat, 3000, 400, 1200, 700, false},
		{"3000, few queries", zipf, 3000, 400, 1200, 60, false}, {"3000 flat, few queries", flat, 3000, 400, 1200, 100, true},
	} {
		for _, rows := range []simoam.RowsMode{simoam.RowsDrawn, simoam.RowsFixed} {
			for _, prefix := range []int{32, 24} {
				if !soak && !w.everyday || testing.Short() && w.n > 500 {
					continue
				}
				for seed := range seeds {
					t.Run(fmt.Sprintf("%s, %d queries, rows %v, prefix %d, %d", w.name, w.queries, rows, prefix, seed), func(t *testing.T) {
						rig := newRig(t, session.OAM, w.world(seed, w.n, w.ips, w.users), simintersight.Options{}, simoam.Options{Seed: seed, Rows: rows})
						rig.change = func(o *collector.Options) { o.Labels.ClientIP.IPv4Prefix = prefix }
						rig.withQueries(w.queries)
						total := float64(len(rig.world.Truth(session.OAM)))
						var before map[string]float64
						changed, moved, rest := 0, 0, total
						for turn := range 10 {
							got := rig.scrape()
							now := got.named("iam_sessions_by_client_ip", "client_ip")
							if all := got.value("iam_sessions_by_client_ip"); all != total {
								t.Fatalf("scrape %d: the sum is %v; want %v", turn+1, all, total)
							}
							unresolved := got.value("iam_source_unresolved_sessions", "dimension", "client_ip")
							smallest := 0.0 // of those that came
							for v, n := range now {
								if _, was := before[v]; !was && (smallest == 0 || n < smallest) {
									smallest = n
								}
							}
							for v, n := range before {
								if _, is := now[v]; is || turn < 4 {
									continue
								}
								if changed++; (10*smallest <= 11*n || smallest-n < 2) && !(prefix < 32 && unresolved < rest) {
									moved++
									t.Logf("scrape %d: %s with %v gave way, the smallest that came has %v", turn+1, v, n, smallest)
								}
							}
							if turn >= 4 && prefix < 32 && unresolved > rest {
								t.Errorf("scrape %d: %v are not resolved, %v before", turn+1, unresolved, rest)
							}
							before, rest = now, unresolved
						}
						last := rig.scrape()
						t.Logf("%d are published, %d changed, %d without a reason, complete %v, unresolved %v", len(before), changed, moved,
							last.value("iam_source_complete"), last.value("iam_source_unresolved_sessions", "dimension", "client_ip"))
						if moved > 0 {
							t.Errorf("names changed though nothing moved; moved = %v, want 0", moved)
						}
					})
				}
			}
		}
	}
}

package oam

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// Values that are no address, or that list several, cost no other address its
// name: as many are counted as are wanted.
func TestOddAddressesCostOnlyTheirOwnNames(t *testing.T) {
	for _, c := range []struct {
		name      string
		addresses int
		format    func(k int, ip string, r *rand.Rand) string
	}{
		{"host names are the largest", 300, func(k int, ip string, r *rand.Rand) string {
			if r.IntN(100) < 40 {
				return fmt.Sprintf("host-%d.example.com", r.IntN(40))
			}
			return ip
		}},
		{"some come as lists, too", 150, func(k int, ip string, r *rand.Rand) string {
			if k < 8 && r.IntN(2) == 0 {
				return ip + ", 172.16.0.1"
			}
			return ip
		}},
		{"some come with ports, too", 150, func(k int, ip string, r *rand.Rand) string {
			if k < 8 && r.IntN(2) == 0 {
				return fmt.Sprintf("%s:%d", ip, 40000+r.IntN(20000))
			}
			return ip
		}},
		{"some come wrapped in IPv6, too", 150, func(k int, ip string, r *rand.Rand) string {
			if k < 8 && r.IntN(2) == 0 {
				return "::ffff:" + ip
			}
			return ip
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const wanted = 50
			r := rand.New(rand.NewPCG(7, 7))
			w := world.NewStatic(world.Static{API: session.OAM, Seed: 1, Sessions: 1, Addresses: 1, Users: 1, Stores: 4})
			now := w.Now()
			size, twice := map[string]int{}, map[string]bool{}
			w.AddN(session.OAM, 4000, func(i int, s *world.Session) {
				k := r.IntN(c.addresses)
				ip := netip.AddrFrom4([4]byte{10, byte(k % 7), byte(k / 250), byte(k%250 + 1)}).String()
				s.ClientIP = c.format(k, ip, r)
				if size[s.ClientIP]++; s.ClientIP != ip {
					twice[ip] = true
				}
				s.User, s.Store = fmt.Sprintf("user%d", r.IntN(2000)), fmt.Sprintf("store%d", i%4)
				s.Created = now.Add(-time.Duration(60+r.IntN(36000)) * time.Second)
				s.LastAccess, s.Updated, s.Expires = s.Created, s.Created, s.Created.Add(24*time.Hour)
			})
			srv := httptest.NewServer(simoam.New(w, simoam.Options{}))
			defer srv.Close()
			s := source(t, srv.URL, func(c *Config) { c.MaxQueries, c.MaxConcurrentQueries, c.Now = 200, 2, w.Now })
			var counted map[string]int
			for range 8 {
				snap, err := s.Snapshot(t.Context(), session.Want{ClientIPs: wanted})
				if err != nil {
					t.Fatal(err)
				}
				counted = snap.Resolved[session.DimensionClientIP].Counted
			}
			if len(counted) < wanted {
				t.Errorf("got %d addresses counted, want at least %d", len(counted), wanted)
			}
			for ip, n := range counted {
				if n != size[ip] || twice[ip] && c.addresses == 150 {
					t.Errorf("%s: got %d counted, in several formats: %v, want %d", ip, n, twice[ip], size[ip])
				}
			}
		})
	}
}

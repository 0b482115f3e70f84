package endtoend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// manyAddresses is a world far beyond the window, with the ids of its sessions.
func manyAddresses(seed uint64) (*world.World, []string) {
	w := world.NewStatic(world.Static{API: session.OAM, Seed: seed, Sessions: 5000, Addresses: 60, Users: 1500})
	var ids []string
	for _, s := range w.Truth(session.OAM) {
		ids = append(ids, s.ID)
	}
	return w, ids
}

func namedAddresses(got samples) (named []string) {
	for _, x := range got {
		if v := x.labels["client_ip"]; x.family == "iam_sessions_by_client_ip" && v != "other" && v != "none" && v != "invalid" && !slices.Contains(named, v) {
			named = append(named, v)
		}
	}
	return named
}

// An address in an unusual format costs its own name; the others keep theirs.
func TestAnOddAddressCostsItsOwnName(t *testing.T) {
	for name, odd := range map[string]func(ip string) string{
		"port":           func(ip string) string { return ip + ":4711" },
		"wrapped":        func(ip string) string { return "::ffff:" + ip },
		"list":           func(ip string) string { return ip + ", 10.255.0.1" },
		"list of blanks": func(ip string) string { return ip + " 10.255.0.1 10.255.0.2" },
		"host name":      func(string) string { return "host.example.com" },
		"zone":           func(string) string { return "fe80::1%eth0" },
		"IPv6 and port":  func(string) string { return "[2001:db8::1]:443" },
		"upper case":     func(string) string { return "2001:DB8::AB" },
		"garbage":        func(string) string { return "\x00<>," },
		"long":           func(string) string { return string(make([]byte, 5000)) },
	} {
		t.Run(name, func(t *testing.T) {
			w, ids := manyAddresses(1)
			for _, id := range ids[:40] { // one address, in many sessions, so that it is seen
				w.Modify(session.OAM, id, func(s *world.Session) { s.ClientIP = odd("10.77.0.1") })
			}
			for _, id := range ids[40:400] {
				w.Modify(session.OAM, id, func(s *world.Session) { s.ClientIP = "10.77.0.1" })
			}
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{Seed: 1, Rows: simoam.RowsDrawn})
			rig.start()
			for turn := range 3 {
				got := rig.scrape()
				sessions := w.Truth(session.OAM)
				truthOf(sessions, nil).check(t, got, "iam_sessions_by_client_ip")
				checkNamed(t, got, sessions, false)
				if named := namedAddresses(got); len(named) < []int{20, 50, 50}[turn] { // some are found later
					t.Errorf("turn %d: only %d addresses are named; want at least %d", turn, len(named), []int{20, 50, 50}[turn])
				}
				w.Step(time.Minute)
			}
			if t.Failed() {
				t.Log(rig.log)
			}
		})
	}
}

// Where addresses come in several formats from session to session, nothing wrong
// is published by name.
func TestAddressesInSeveralFormats(t *testing.T) {
	for seed := range combinations(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		share := oneOf(r, .03, .1, .5, 1)
		odd := oneOf(r, func(ip string) string { return fmt.Sprint(ip, ":", 1024+r.IntN(60000)) },
			func(ip string) string { return "::ffff:" + ip }, func(ip string) string { return fmt.Sprint(ip, ", 10.255.0.", r.IntN(9)) })
		t.Run(fmt.Sprint(seed, share), func(t *testing.T) {
			w, ids := manyAddresses(seed)
			for _, id := range ids {
				if chance(r, share) {
					w.Modify(session.OAM, id, func(s *world.Session) {
						if s.ClientIP != "" {
							s.ClientIP = odd(s.ClientIP)
						}
					})
				}
			}
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{Seed: seed, Rows: oneOf(r, simoam.RowsDrawn, simoam.RowsFixed)})
			rig.start()
			for range 3 {
				got := rig.scrape()
				sessions := w.Truth(session.OAM)
				truthOf(sessions, nil).check(t, got, "iam_sessions_by_client_ip")
				checkNamed(t, got, sessions, false)
				w.Step(time.Minute)
			}
		})
	}
}

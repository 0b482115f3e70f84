package endtoend

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"iam_session_exporter/collector"
	"iam_session_exporter/internal/grouping"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

var networks = map[string]netip.Prefix{
	"ten": netip.MustParsePrefix("10.0.0.0/8"), "test": netip.MustParsePrefix("198.18.0.0/15"), "doc": netip.MustParsePrefix("2001:db8::/32"),
}

func withNetworks(o *collector.Options) {
	for name, p := range networks {
		o.Networks = append(o.Networks, grouping.Network{Name: name, Prefix: p})
	}
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

func oneOf[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// fault draws a fault that a scrape can't get over, with the reasons that it
// may be given.
func fault(r *rand.Rand, now time.Time) (faults.Effect, []string) {
	type f struct {
		e faults.Effect
		r []string
	}
	x := oneOf(r,
		f{faults.Status(401), []string{"auth"}}, f{faults.Status(403), []string{"forbidden"}},
		f{faults.Status(404), []string{"http"}}, f{faults.Status(503), []string{"http"}},
		f{faults.RetryAfter(429, 90*time.Second), []string{"rate_limited"}}, f{faults.RetryAfterDate(503, now.Add(time.Minute)), []string{"rate_limited"}},
		f{faults.Redirect("https://login.example.com/"), []string{"http"}}, f{faults.LoginPage(), []string{"decode"}},
		f{faults.Garbage(r.Uint64()), []string{"decode"}}, f{faults.Truncated(), []string{"decode"}}, f{faults.Cut(), []string{"decode", "connect"}},
		f{faults.Empty(), []string{"decode"}}, f{faults.JSON("[]"), []string{"decode"}}, f{faults.JSON("7"), []string{"decode"}},
		f{faults.JSON(`"x"`), []string{"decode"}}, f{faults.JSON("null"), []string{"decode"}}, f{faults.JSON("{}"), []string{"decode"}},
	)
	return x.e, x.r
}

func expectDown(t *testing.T, before, got samples, reasons []string) {
	t.Helper()
	if got.value("iam_source_up") != 0 {
		t.Fatal("up in spite of a fault")
	}
	grown := 0.0
	for _, reason := range reasons {
		grown += got.value("iam_source_errors_total", "reason", reason) - before.value("iam_source_errors_total", "reason", reason)
	}
	if all := got.value("iam_source_errors_total") - before.value("iam_source_errors_total"); grown != 1 || all != 1 {
		t.Errorf("errors of %v grew by %v, all by %v; want 1, 1", reasons, grown, all)
	}
}

// Over random worlds, forms and faults, every family sums to the truth and
// every named value equals it, or the source says that it is down or incomplete.
// Many are drawn, since what they combine is drawn too.
func TestCountsEqualTheTruth(t *testing.T) {
	for seed := range shortened(uint64(40)) {
		r := rand.New(rand.NewPCG(seed, 7))
		t.Run(fmt.Sprint("intersight ", seed), func(t *testing.T) {
			c := world.DefaultConfig()
			c.Seed, c.Users, c.Addresses = seed, 1+r.IntN(300), 1+r.IntN(80)
			c.Intersight.Sessions, c.Intersight.Max, c.Intersight.MaxPerUser = r.IntN(120)+oneOf(r, 0, 0, 1500), 0, 0
			c.OAM.Sessions = 0
			c.Intersight.Linger, c.Intersight.Purge = oneOf(r, 0, time.Hour), oneOf(r, 0, 10*time.Minute)
			c.Intersight.OddStatus, c.Intersight.Gaps, c.Intersight.OddAddresses = oneOf(r, 0, .1), oneOf(r, 0, .2, 1), oneOf(r, 0, .3)
			c.Intersight.RandomMoids = chance(r, .5)
			c.Warmup = 8 * time.Hour
			w := world.New(c)
			rig := newRig(t, session.Intersight, w, simintersight.Options{
				Seed: seed, Gzip: chance(r, .5), Unset: oneOf(r, simintersight.UnsetMixed, simintersight.UnsetAbsent, simintersight.UnsetNull, simintersight.UnsetZero),
				NoFractions: chance(r, .3), OldAppliance: chance(r, .2), LimitsStatus: oneOf(r, 0, 0, 404, 403, 500), LimitsAbsent: chance(r, .2),
				// A request for the limits that was given up may arrive after the
				// world has moved on.
				DateTolerance: -1,
				Refusal:       oneOf(r, simintersight.RefuseNaming, simintersight.RefuseMute, simintersight.RefuseNot), NoDate: chance(r, .2),
			}, simoam.Options{})
			rig.change = withNetworks
			rig.start()
			old, told := false, true // a property that is refused is not asked for, and its family absent
			rig.inter.Set(func(o *simintersight.Options) {
				old, told = o.OldAppliance, !o.OldAppliance || o.Refusal == simintersight.RefuseNot
			})
			families := []string{"iam_sessions_by_client_ip", "iam_sessions_by_client_network"}
			if told {
				families = append(families, "iam_sessions_by_role")
			}
			var before samples
			for range 4 {
				if chance(r, .3) && before != nil {
					e, reasons := fault(r, w.Now())
					rig.faults.Set(faults.Fault{Path: simintersight.PathSessions + "?", Effect: e}, faults.Fault{Path: simintersight.PathSessions, Effect: e})
					got := rig.scrape()
					expectDown(t, before, got, reasons)
					rig.faults.Clear()
					w.Step(20 * time.Minute) // past every hold
				}
				got := rig.scrape()
				sessions := w.Truth(session.Intersight)
				if old {
					for i := range sessions { // what this appliance can't tell
						sessions[i].Role = ""
						if s := sessions[i].Status; s == session.Unknown || s == session.Ended || s == session.Terminated {
							sessions[i].Status = derived(sessions[i], w.Now())
						}
					}
				}
				truthOf(sessions, networks).check(t, got, families...)
				if _, there := got.get("iam_sessions_by_role"); there && !told {
					t.Error("roles, of a build that has none")
				}
				if got.value("iam_source_up") != 1 || got.value("iam_source_complete") != 1 {
					t.Errorf("up %v, complete %v with no fault; want 1, 1\n%s", got.value("iam_source_up"), got.value("iam_source_complete"), rig.log)
				}
				before = got
				w.Step(time.Duration(1+r.IntN(3600)) * time.Second)
			}
			if n := rig.inter.Leaks(); n != 0 {
				t.Errorf("%d requests for session tokens; want 0", n)
			}
			if s := rig.inter.Stats(); s.Writes != 0 || s.Refused != 0 {
				t.Errorf("%+v; want Writes 0, Refused 0", s)
			}
		})
		t.Run(fmt.Sprint("oam ", seed), func(t *testing.T) {
			c := world.DefaultConfig()
			c.Seed, c.Users = seed, 1+r.IntN(100)
			c.Intersight.Sessions = 0
			c.OAM.Sessions = oneOf(r, 0, 1, 3, 10, 14, 60, 300)
			if c.OAM.Sessions < 27 {
				c.OAM.Max = oneOf(r, 0, 27)
			}
			c.OAM.Gaps, c.OAM.OddAddresses, c.OAM.Impersonating = oneOf(r, 0, .2), oneOf(r, 0, .2), oneOf(r, 0, .3)
			c.OAM.Lifetime, c.Warmup = oneOf(r, 3*time.Hour, 24*time.Hour), 6*time.Hour
			w := world.New(c)
			form := simoam.Form{
				XMLAlways: chance(r, .3), Array: chance(r, .3), CollapseOne: chance(r, .3), Wrapped: chance(r, .3),
				None:      oneOf(r, simoam.NoneEmptyList, simoam.NoneEmptyObject, simoam.NoneNull, simoam.NoneEmptyText, simoam.NoneAbsent),
				TotalText: chance(r, .3), BoolText: chance(r, .3), Extra: chance(r, .3),
				Times:     oneOf(r, simoam.FormOffset, simoam.FormZulu, simoam.FormCompact, simoam.FormEpoch, simoam.FormSeconds),
				TimesText: chance(r, .3), NoExpiryTime: chance(r, .3),
				RoleAttribute: oneOf(r, "", "role"),
				Attributes:    oneOf(r, simoam.AttributesWrapped, simoam.AttributesList, simoam.AttributesNamed, simoam.AttributesPlain, simoam.AttributesOne),
				ContentType:   oneOf(r, "", "", "text/plain", "application/xml", "application/json"),
			}
			rig := newRig(t, session.OAM, w, simintersight.Options{}, simoam.Options{
				Seed: seed, Rows: oneOf(r, simoam.RowsDrawn, simoam.RowsFixed), Form: form, NoDate: chance(r, .2), Cookie: true, TotalCap: oneOf(r, 0, 0, 100),
			})
			rig.change = withNetworks
			rig.start()
			families := []string{"iam_sessions_by_identity_store", "iam_sessions_by_client_ip", "iam_sessions_by_client_network"}
			if form.RoleAttribute != "" {
				families = append(families, "iam_sessions_by_role")
			}
			capped := 0
			rig.oam.Set(func(o *simoam.Options) { capped = o.TotalCap })
			var before samples
			for range 4 {
				if chance(r, .3) && before != nil {
					e, reasons := fault(r, w.Now())
					rig.faults.Set(faults.Fault{Effect: e})
					expectDown(t, before, rig.scrape(), reasons)
					rig.faults.Clear()
					w.Step(20 * time.Minute)
				}
				got := rig.scrape()
				sessions := w.Truth(session.OAM)
				if capped == 0 || len(sessions) <= capped {
					truthOf(sessions, networks).check(t, got, families...)
				}
				if up := got.value("iam_source_up") == 1; up != (capped == 0 || len(sessions) <= capped) {
					t.Errorf("up %v with a total capped at %d, and %d sessions; want %v\n%s", up, capped, len(sessions), capped == 0 || len(sessions) <= capped, rig.log)
				}
				if complete := got.value("iam_source_complete") == 1; !complete && len(sessions) < 28 {
					t.Errorf("not complete with %d sessions", len(sessions))
				}
				before = got
				w.Step(time.Duration(1+r.IntN(3600)) * time.Second)
			}
			if n := rig.oam.Dangerous(); n != 0 {
				t.Errorf("%d requests to the path that changes sessions; want 0", n)
			}
		})
	}
}

// derived is the status of a session whose appliance tells no Status.
func derived(s world.Session, now time.Time) session.Status {
	switch {
	case !s.Expires.IsZero() && !now.Before(s.Expires):
		return session.Expired
	case !s.IdlesAt.IsZero() && !now.Before(s.IdlesAt):
		return session.Idle
	}
	return session.Active
}

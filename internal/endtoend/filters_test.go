package endtoend

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// property is what a session has of a key to filter by, "" where it has nothing.
func property(s world.Session, key string) string {
	switch key {
	case "role":
		return s.Role
	case "user_id_or_email", "user_id":
		return s.User
	case "client_ip_address", "client_ip":
		return s.ClientIP
	case "status":
		return s.State
	case "account_moid":
		return cmp.Or(s.Account, "59c84e4a16267c0001c23428")
	case "login_type":
		return s.LoginType
	case "id_store_name":
		return s.Store
	case "is_impersonating":
		return strconv.FormatBool(s.Impersonating)
	}
	panic(key)
}

// subset is the sessions that fit a filter, and none of what is excluded; fold
// takes no notice of case.
func subset(sessions []world.Session, filter, exclude session.Filter, fold bool) []world.Session {
	has := func(s world.Session, c session.Condition) bool {
		have := property(s, c.Key)
		return have != "" && slices.ContainsFunc(c.Values, func(v string) bool {
			return v == have || fold && c.Key != "is_impersonating" && strings.EqualFold(v, have)
		})
	}
	var out []world.Session
	for _, s := range sessions {
		if !slices.ContainsFunc(filter, func(c session.Condition) bool { return !has(s, c) }) &&
			!slices.ContainsFunc(exclude, func(c session.Condition) bool { return has(s, c) }) {
			out = append(out, s)
		}
	}
	return out
}

// odd are values that look like parts of an expression.
var odd = []string{"O'Neill", "x' or Role ne 'y", "a) or (b", "''", "%27", "a+b&c=d?#", "Jürgen €", "it''s", "not (x)", "a','b", "\\'", "tab\there", `{"a":"b"}`, "*"}

// drawFilter draws conditions on some keys: values that sessions have, now and then
// in another case, and values that none has.
func drawFilter(r *rand.Rand, sessions []world.Session, keys []string, most int) (f session.Filter) {
	for _, key := range keys {
		c := session.Condition{Key: key}
		for range 1 + r.IntN(most) {
			v := oneOf(r, odd...)
			if len(sessions) > 0 && chance(r, .9) {
				v = property(sessions[r.IntN(len(sessions))], key)
			}
			if chance(r, .1) {
				v = strings.ToUpper(v)
			}
			if v != "" && !slices.Contains(c.Values, v) {
				c.Values = append(c.Values, v)
			}
		}
		if len(c.Values) > 0 {
			f = append(f, c)
		}
	}
	return f
}

func someOf(r *rand.Rand, from []string, n int) []string {
	out := slices.Clone(from)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(n, len(out))]
}

// Whatever a source is filtered by, and whatever quotes and operators the values
// hold, what is published is the truth of the subset; where the API takes no notice
// of the filter, it is untrusted.
func TestFilteredIntersight(t *testing.T) {
	up, untrusted, some := 0, 0, 0
	for seed := range combinations(32) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 78))
			c := world.DefaultConfig()
			c.Seed, c.Users, c.Addresses, c.Warmup, c.OAM.Sessions = seed, 1+r.IntN(60), 1+r.IntN(20), 8*time.Hour, 0
			c.Intersight.Sessions, c.Intersight.Max = oneOf(r, 40, 120, 1500), 0
			c.Intersight.Linger, c.Intersight.OddStatus, c.Intersight.TokenShare, c.Intersight.OddLogin = time.Hour, .1, .2, .1
			c.Intersight.Gaps = 0
			keys := intersight.FilterKeys()
			if chance(r, .5) { // users are not always told, and then not found
				c.Intersight.Gaps = .2
				keys = slices.DeleteFunc(keys, func(k string) bool { return k == "user_id_or_email" })
			}
			w := world.New(c)
			for i, text := range odd {
				w.AddN(session.Intersight, 1+i%3, func(_ int, s *world.Session) {
					s.Role, s.User, s.Account = text, text, oneOf(r, "", "59c84e4a16267c0001c23429")
				})
			}
			o := simintersight.Options{Seed: seed, DateTolerance: -1, Gzip: chance(r, .5), FoldFilter: chance(r, .2), IgnoreFilter: chance(r, .15)}
			rig := newRig(t, session.Intersight, w, o, simoam.Options{})
			all := w.Truth(session.Intersight)
			rig.options = intersight.Options{
				Filter: drawFilter(r, all, someOf(r, keys, r.IntN(3)), 4), Exclude: drawFilter(r, all, someOf(r, keys, r.IntN(3)), 3),
				IdentityProviders: chance(r, .5),
			}
			rig.start()
			for range 3 {
				all = w.Truth(session.Intersight)
				want := subset(all, rig.options.Filter, rig.options.Exclude, o.FoldFilter)
				got := rig.scrape()
				ignored := o.IgnoreFilter && len(subset(all, rig.options.Filter, rig.options.Exclude, true)) != len(all)
				switch is := got.value("iam_source_up") == 1; {
				case ignored && is:
					t.Error("up, although the filter is ignored")
				case ignored:
					untrusted++
					if got.value("iam_source_errors_total", "reason", "untrusted") != got.value("iam_source_errors_total") {
						t.Error("down, but not as untrusted")
					}
				case !is:
					t.Error("down without a fault")
				default:
					up++
					if o.IgnoreFilter {
						want = all
					}
					truthOf(want, nil).check(t, got, "iam_sessions_by_client_ip", "iam_sessions_by_role", loginFamily)
					checkUsers(t, got, want)
					checkAges(t, got, want, w.Now())
					if len(want) > 0 && len(want) < len(all) {
						some++
					}
				}
				for _, f := range []session.Filter{rig.options.Filter, rig.options.Exclude} {
					for _, c := range f {
						if c.Key == "user_id_or_email" && strings.Contains(rig.log.String(), c.Values[0]) && len(c.Values[0]) > 3 {
							t.Errorf("the log tells %q", c.Values[0])
						}
					}
				}
				w.Step(time.Duration(1+r.IntN(600)) * time.Second)
			}
			if t.Failed() {
				t.Logf("filter %q, exclude %q, %+v\n%s", rig.options.Filter, rig.options.Exclude, o, rig.log)
			}
		})
	}
	t.Logf("%d scrapes up, %d untrusted, %d of a part of the sessions", up, untrusted, some)
	if up == 0 || untrusted == 0 || some == 0 {
		t.Errorf("the filters have grown one-sided: %d scrapes up, %d untrusted, %d of a part of the sessions; want some of each", up, untrusted, some)
	}
}

// A build that lacks what it is filtered by is down, and says why.
func TestFilterByAMissingProperty(t *testing.T) {
	for _, refusal := range []simintersight.Refusal{simintersight.RefuseNaming, simintersight.RefuseMute} {
		w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 20})
		r := newRig(t, session.Intersight, w, simintersight.Options{Missing: []string{"LoginType"}, Refusal: refusal}, simoam.Options{})
		r.options = intersight.Options{Filter: session.Filter{{Key: "login_type", Values: []string{"weblogin"}}}}
		r.start()
		for n := range 2 {
			got := r.scrape()
			if got.value("iam_source_up") != 0 || got.value("iam_source_errors_total", "reason", "http") != float64(n+1) {
				t.Errorf("got up %v, errors %v; want 0, %d of http\n%s", got.value("iam_source_up"), got.value("iam_source_errors_total"), n+1, r.log)
			}
			w.Step(5 * time.Minute)
		}
		if !strings.Contains(r.log.String(), "login_type") {
			t.Errorf("got a log that does not name login_type\n%s", r.log)
		}
	}
}

// honest reports whether a server's answers to a filter are what was asked for.
func honest(o *simoam.Options, f session.Filter) bool {
	x := &o.Filter
	if x.Match != simoam.MatchExact || x.IgnoreCase || x.Wildcard || len(x.Ignore) > 0 || x.FalseIsUnset {
		return false
	}
	return x.Combine == simoam.CombineAnd || len(f) == 0
}

// Whatever filters mean to an OAM, a source that is filtered publishes the truth of
// the subset, or it is untrusted.
func TestFilteredOAM(t *testing.T) {
	up, untrusted, some := 0, 0, 0
	for seed := range combinations(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 79))
			w, o := oddWorld(r, seed), oddServer(r, seed)
			o.TotalCap = 0 // another test's subject
			if o.NoMatch404 = chance(r, .2); chance(r, .3) {
				o.NoMatch = simoam.NoMatchForm(r.IntN(int(simoam.NoMatchEmptyList) + 1))
			}
			if chance(r, .4) {
				o.Filter = simoam.Filter{BadTime: o.Filter.BadTime}
			} else if chance(r, .2) {
				o.Filter.Combine = simoam.CombineLast
			}
			for _, text := range odd {
				if chance(r, .2) {
					w.AddN(session.OAM, 2, func(_ int, s *world.Session) { s.Store, s.User = text, text })
				}
			}
			w.Step(time.Minute)
			all := w.Truth(session.OAM)
			one := all[r.IntN(len(all))] // so that the subset is seldom empty
			f := drawFilter(r, []world.Session{one}, someOf(r, []string{"id_store_name", "user_id", "client_ip"}, oneOf(r, 1, 1, 2)), 1)
			if chance(r, .3) {
				f = append(f, session.Condition{Key: "is_impersonating", Values: []string{property(one, "is_impersonating")}})
			}
			if !honest(&o, f) && !o.Filter.IgnoreCase {
				// A field that is ignored lists what differs in case only, which may be meant.
				for _, c := range f {
					if have := property(one, c.Key); strings.EqualFold(have, c.Values[0]) {
						c.Values[0] = have
					}
				}
			}
			rig := newRig(t, session.OAM, w, simintersight.Options{}, o)
			rig.filter = f
			rig.change = withNetworks
			rig.start()
			for range 3 {
				all = w.Truth(session.OAM)
				want := subset(all, f, nil, o.Filter.IgnoreCase)
				got := rig.scrape()
				is := got.value("iam_source_up") == 1
				switch {
				case is:
					up++
					families := []string{"iam_sessions_by_identity_store", "iam_sessions_by_client_ip", "iam_sessions_by_client_network"}
					truthOf(want, networks).check(t, got, families...)
					checkNamed(t, got, want, o.Filter.IgnoreCase)
					if len(want) > 0 && len(want) < len(all) {
						some++
					}
				case len(want) == 0 && (o.NoMatch404 || o.NoMatch != simoam.NoMatchTotal):
					// Any other server may answer so, whose sessions are not these.
				case honest(&o, f):
					t.Error("down without a fault")
				default:
					untrusted++
					if got.value("iam_source_errors_total", "reason", "untrusted") != got.value("iam_source_errors_total") {
						t.Error("down, but not as untrusted")
					}
				}
				if asked := got.value("iam_source_scrape_requests"); asked > 200 {
					t.Errorf("%v requests; want at most 200", asked)
				}
				w.Step(time.Second)
			}
			if t.Failed() {
				t.Logf("%d sessions, filter %q, %+v\n%s", len(all), f, o, rig.log)
			}
		})
	}
	t.Logf("%d scrapes up, %d untrusted, %d of a part of the sessions", up, untrusted, some)
	if up == 0 || untrusted == 0 || some == 0 {
		t.Errorf("the filters have grown one-sided: %d scrapes up, %d untrusted, %d of a part of the sessions; want some of each", up, untrusted, some)
	}
}

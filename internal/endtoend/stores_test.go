package endtoend

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// oddDirectory makes an account's users and providers awkward: providers without a
// name, of one name, that are not listed or do not exist; users without a provider,
// that are not listed, that are or were locked.
func oddDirectory(r *rand.Rand, w *world.World) {
	providers := world.DefaultProviders()
	for i, p := range []world.Provider{
		{Name: "", Type: "oidc"}, {Name: "Okta", Type: "oidc"}, {Name: "", Reference: true}, {Name: "Cisco Partner", Reference: true},
		{Name: "Secret", Type: "saml", Hidden: true}, {Name: "none", Type: "guest"}, {Name: "other", Type: ""}, {Name: "Jürgen's \"IdP\"", Type: "unheard-of"},
	} {
		p.Moid = fmt.Sprintf("60c84e4a16267c0001%06x", i)
		if chance(r, .5) {
			providers = append(providers, p)
		}
	}
	w.SetProviders(providers)
	if chance(r, .2) {
		w.AddUsers(1000+r.IntN(1500), nil)
	}
	unlisted, odd := oneOf(r, 0, 0, .1, 1), oneOf(r, 0, .3, 1)
	now := w.Now()
	w.ModifyUsers(func(_ int, u *world.User) {
		u.Hidden = chance(r, unlisted)
		if chance(r, odd) {
			u.Provider = oneOf(r, "", "000000000000000000000000", providers[r.IntN(len(providers))].Moid)
		}
		if chance(r, .05) {
			u.LockedUntil = now.Add(time.Duration(r.IntN(4*3600)-2*3600) * time.Second)
		}
	})
}

// oddLists is how an API answers about users and providers.
func oddLists(r *rand.Rand, o *simintersight.Options) {
	o.Inline, o.Ordered = chance(r, .3), chance(r, .5)
	for _, path := range []string{simintersight.PathUsers, simintersight.PathIdps, simintersight.PathIdpReferences} {
		if chance(r, .15) {
			o.NoScope = append(o.NoScope, path)
		}
	}
	if chance(r, .3) {
		o.MissingOfUsers = []string{oneOf(r, "LockedUntil", "LockedUntil", "Idpreference", "Idp")}
	}
	if chance(r, .2) {
		o.Missing = append(o.Missing, "LoginType")
	}
}

// directory is what can be read of users and providers.
type directory struct {
	stores, locks  bool // can be known
	idps, referred bool // the list can be read
	inline         bool
	noticed        bool     // the API refuses what it lacks
	missing        []string // properties of users
	providers      map[string]world.Provider
	users          map[string]world.User
}

func directoryOf(w *world.World, o *simintersight.Options) directory {
	may := func(path string) bool { return !slices.Contains(o.NoScope, path) }
	d := directory{
		idps: may(simintersight.PathIdps), referred: may(simintersight.PathIdpReferences), inline: o.Inline,
		noticed: o.Refusal != simintersight.RefuseNot, missing: o.MissingOfUsers,
		providers: map[string]world.Provider{}, users: map[string]world.User{},
	}
	for _, p := range w.Providers() {
		d.providers[p.Moid] = p
	}
	listed := false // not even the user who asks: a list of which nothing may be seen
	for _, u := range w.Users() {
		d.users[u.Moid] = u
		listed = listed || !u.Hidden
	}
	users := listed && may(simintersight.PathUsers)
	d.stores = users && (d.idps || d.referred)
	d.locks = users && !(d.noticed && d.lacks("LockedUntil"))
	return d
}

func (d *directory) lacks(property string) bool { return slices.Contains(d.missing, property) }

// store is a user's identity store as far as it can be read.
func (d *directory) store(moid string) (name string, unknown bool) {
	u, ok := d.users[moid]
	if !ok || u.Hidden {
		return "", true
	}
	if u.Provider == "" { // or the one that is refused
		return "", d.noticed && (d.lacks("Idp") || d.lacks("Idpreference"))
	}
	p, exists := d.providers[u.Provider]
	relation, readable := "Idp", d.idps
	if p.Reference {
		relation, readable = "Idpreference", d.referred
	}
	if d.lacks(relation) {
		return "", d.noticed
	}
	readable = readable || d.inline && simintersight.Inlined(u)
	return p.Name, !exists || p.Hidden || !readable || p.Name == ""
}

// told are sessions with the stores that can be read of them.
func (d *directory) told(sessions []world.Session) []world.Session {
	out := slices.Clone(sessions)
	for i := range out {
		out[i].Store, out[i].StoreUnknown = d.store(out[i].UserMoid)
	}
	return out
}

const storeFamily, loginFamily, lockFamily = "iam_sessions_by_identity_store", "iam_sessions_by_login_type", "iam_users_locked"

// checkDirectory compares a scrape, by when all lists have been read since they
// changed, with the truth.
func checkDirectory(t *testing.T, got samples, w *world.World, o *simintersight.Options) {
	t.Helper()
	d := directoryOf(w, o)
	sessions := d.told(w.Truth(session.Intersight))
	families := []string{"iam_sessions_by_client_ip"}
	if d.stores {
		families = append(families, storeFamily)
	}
	logins := !slices.Contains(o.Missing, "LoginType") || o.Refusal == simintersight.RefuseNot
	if logins {
		families = append(families, loginFamily)
	}
	if slices.Contains(o.Missing, "LoginType") {
		for i := range sessions {
			sessions[i].LoginType = ""
		}
	}
	truthOf(sessions, nil).check(t, got, families...)
	for family, want := range map[string]bool{storeFamily: d.stores, loginFamily: logins, lockFamily: d.locks} {
		if _, there := got.get(family); there != want && (len(sessions) > 0 || family == lockFamily) {
			t.Errorf("%s there %v, want %v", family, there, want)
		}
	}
	locked := w.Locked()
	if slices.Contains(o.MissingOfUsers, "LockedUntil") {
		locked = 0
	}
	if n := got.value(lockFamily); d.locks && n != float64(locked) {
		t.Errorf("%v users are locked, want %d", n, locked)
	}
	unknown := 0
	for _, s := range sessions {
		if s.StoreUnknown {
			unknown++
		}
	}
	if n, there := got.get("iam_source_unresolved_sessions", "dimension", "identity_store"); d.stores && (!there || n != float64(unknown)) {
		t.Errorf("%v sessions have an unknown store (there %v), want %d", n, there, unknown)
	}
	checkUsers(t, got, sessions)
	checkAges(t, got, sessions, w.Now())
}

// checkSessionsAlone compares a scrape with the truth of sessions; of stores, which
// are known less well, names may be missing, but none is wrong.
func checkSessionsAlone(t *testing.T, got samples, w *world.World, o *simintersight.Options) {
	t.Helper()
	sessions := w.Truth(session.Intersight)
	truthOf(sessions, nil).check(t, got, "iam_sessions_by_client_ip", "iam_sessions_by_role")
	if got.value("iam_source_up") != 1 || got.value("iam_source_complete") != 1 {
		t.Errorf("up %v, complete %v; want 1, 1", got.value("iam_source_up"), got.value("iam_source_complete"))
	}
	if sum, there := got.get(storeFamily); there && sum != float64(len(sessions)) {
		t.Errorf("%s sums to %v, want %d", storeFamily, sum, len(sessions))
	}
	checkStoresAtMost(t, got, w, o)
}

// checkStoresAtMost compares the stores that are named with what can be read of them:
// some may be missing, but none is wrong.
func checkStoresAtMost(t *testing.T, got samples, w *world.World, o *simintersight.Options) {
	t.Helper()
	d := directoryOf(w, o)
	most := map[string]float64{}
	for _, s := range d.told(w.Truth(session.Intersight)) {
		most[storeLabel(s)]++
	}
	for _, x := range got {
		if name := x.labels["identity_store"]; x.family == storeFamily && name != "other" && x.value > 0 {
			if most[name] -= x.value; most[name] < 0 {
				t.Errorf("%s: %v more sessions of %q than there are", storeFamily, -most[name], name)
			}
		}
	}
}

// settle scrapes until every list has been read anew, and returns the last scrape.
func settle(r *rig) samples {
	r.world.Step(16 * time.Minute)
	r.scrape()
	r.world.Step(5*time.Minute + time.Second)
	return r.scrape()
}

// Over awkward accounts, builds and privileges, identity stores, login types and
// locked users equal the truth, or are absent where they can't be known; while the
// list of users fails, for hours, sessions lack nothing.
func TestIdentityStoresEqualTheTruth(t *testing.T) {
	stores, locks := 0, 0
	for seed := range combinations(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 77))
			c := world.DefaultConfig()
			c.Seed, c.Users, c.Warmup, c.OAM.Sessions = seed, 1+r.IntN(300), 8*time.Hour, 0
			c.Intersight.Sessions, c.Intersight.Gaps = r.IntN(120), oneOf(r, 0, .2)
			c.Intersight.TokenShare, c.Intersight.OddLogin = oneOf(r, 0, .1), oneOf(r, 0, .3)
			c.Intersight.LockAfter, c.Intersight.BruteForce = 5, 20*time.Minute
			w := world.New(c)
			oddDirectory(r, w)
			o := simintersight.Options{
				Seed: seed, DateTolerance: -1, NoDate: chance(r, .1), Gzip: chance(r, .5),
				Unset:   oneOf(r, simintersight.UnsetMixed, simintersight.UnsetAbsent, simintersight.UnsetNull, simintersight.UnsetZero),
				Refusal: oneOf(r, simintersight.RefuseNaming, simintersight.RefuseMute, simintersight.RefuseNot),
			}
			oddLists(r, &o)
			rig := newRig(t, session.Intersight, w, o, simoam.Options{})
			rig.options = intersight.Options{IdentityProviders: true}
			rig.start()
			defer func() {
				if t.Failed() {
					t.Logf("%+v\nproviders %+v\n%s", o, w.Providers(), rig.log)
				}
			}()
			checkSessionsAlone(t, rig.scrape(), w, &o)
			got := settle(rig)
			checkDirectory(t, got, w, &o)
			if _, there := got.get(storeFamily); there {
				stores++
			}
			if got.value(lockFamily) > 0 {
				locks++
			}
			vanish(r, w)
			w.Step(3 * time.Hour)
			checkDirectory(t, settle(rig), w, &o)
			fails := oneOf(r, faults.Status(403), faults.Status(500), faults.LoginPage(), faults.Truncated(), faults.JSON("{}"), faults.RetryAfter(429, time.Minute), faults.Cut())
			path := oneOf(r, simintersight.PathUsers, simintersight.PathUsers, simintersight.PathIdps, simintersight.PathIdpReferences)
			rig.faults.Set(faults.Fault{Path: path, Effect: fails})
			for range 5 {
				w.Step(time.Duration(r.IntN(90)) * time.Minute)
				checkSessionsAlone(t, rig.scrape(), w, &o)
			}
			w.Step(20 * time.Minute)
			if _, there := rig.scrape().get(lockFamily); there && path == simintersight.PathUsers {
				t.Error("locked users, of a list that has failed for hours")
			}
			rig.faults.Clear()
			w.Step(20 * time.Minute)
			checkDirectory(t, settle(rig), w, &o)
			if s := rig.inter.Stats(); s.Writes+s.Leaks+s.Personal+s.Refused > 0 || strings.Contains(rig.log.String(), simintersight.PersonMark) {
				t.Errorf("%+v; want no Writes, Leaks, Personal or Refused, and no user in the log", s)
			}
		})
	}
	if !testing.Short() && (stores == 0 || locks == 0) {
		t.Errorf("the accounts have grown one-sided: got stores of %d, locked users of %d; want some", stores, locks)
	}
}

// vanish takes some providers away, hides others, and names one anew.
func vanish(r *rand.Rand, w *world.World) {
	providers := w.Providers()
	if chance(r, .5) {
		i := r.IntN(len(providers))
		providers = slices.Delete(providers, i, i+1)
	}
	i := r.IntN(len(providers))
	providers[i].Hidden = !providers[i].Hidden
	providers[r.IntN(len(providers))].Name = "Renamed"
	w.SetProviders(providers)
}

// A list of users that hangs costs the sessions nothing, and is asked again.
func TestUsersThatHang(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 40})
	o := simintersight.Options{DateTolerance: -1}
	r := newRig(t, session.Intersight, w, o, simoam.Options{})
	r.options = intersight.Options{IdentityProviders: true}
	r.start()
	r.faults.Set(faults.Fault{Path: simintersight.PathUsers, Effect: faults.Hang()})
	for range 2 {
		got := r.scrapeWithin(4 * time.Second)
		checkSessionsAlone(t, got, w, &o)
		if _, there := got.get(storeFamily); there {
			t.Error("got identity stores, want none")
		}
		w.Step(6 * time.Minute)
	}
	r.faults.Clear()
	// The request that hangs is waited for until its refresh was to end.
	got := settle(r)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); got = settle(r) {
		if _, there := got.get(storeFamily); there {
			break
		}
	}
	checkDirectory(t, got, w, &o)
}

// Users are asked for every 5 minutes, providers every 15; users once a minute while
// unknown ones turn up, and no more often if one of them stays unknown.
func TestHowOftenUsersAreAskedFor(t *testing.T) {
	w := world.NewStatic(world.Static{API: session.Intersight, Sessions: 40})
	r := newRig(t, session.Intersight, w, simintersight.Options{DateTolerance: -1}, simoam.Options{})
	r.options = intersight.Options{IdentityProviders: true}
	r.start()
	hour := func(each func()) map[string]int {
		before := r.inter.Stats().Lists
		for range 120 {
			if each != nil {
				each()
			}
			r.scrape()
			w.Step(30 * time.Second)
		}
		after := r.inter.Stats().Lists
		for path := range after {
			after[path] -= before[path]
		}
		return after
	}
	expect := func(when string, got map[string]int, users int) {
		t.Helper()
		for path, want := range map[string]int{simintersight.PathUsers: users, simintersight.PathIdps: 4, simintersight.PathIdpReferences: 4} {
			if n := got[path]; n != want {
				t.Errorf("%s: got %d requests in an hour for %s, want %d", when, n, path, want)
			}
		}
	}
	expect("all users known", hour(nil), 12)
	expect("unknown users turn up", hour(func() { w.Add(session.Intersight, nil) }), 60)
	if t.Failed() {
		t.Log(r.log)
	}
}

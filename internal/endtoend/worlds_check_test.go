package endtoend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// observation is one scrape, with what was true before and after it.
type observation struct {
	*scenario
	rig    *rig
	scrape int
	faulty bool
	began  world.Counts // before the first scrape
	events int          // that had happened by then

	before, after []world.Session
	moved         int // sessions that came or went meanwhile
	locked        int // users, before
	got           samples
}

func (o *observation) take(t *testing.T, sums *tally) {
	o.before, o.locked = o.world.Truth(o.api), o.world.Locked()
	was := o.world.Counts(o.api)
	begin := time.Now()
	o.got = o.rig.scrapeWithin(o.allowed(o.faulty))
	took := time.Since(begin)
	o.after = o.world.Truth(o.api)
	is := o.world.Counts(o.api)
	o.moved = is.Started - was.Started + is.Removed - was.Removed

	sums.scrapes++
	up, complete := o.got.value("iam_source_up") == 1, o.got.value("iam_source_complete") == 1
	if up {
		sums.up++
	}
	if complete {
		sums.complete++
	}
	if o.moved > 0 {
		sums.moved++
	}
	if took > o.allowed(o.faulty)+5*time.Second {
		t.Errorf("it took %v, want at most %v", took, o.allowed(o.faulty)+5*time.Second)
	}
	o.checkUp(t, up)
	o.checkSums(t, up, complete)
	if up && o.moved == 0 && !(o.faulty && o.fault.class == clockFault) {
		sums.named += o.checkStill(t, complete)
	}
	if up && o.api == session.Intersight {
		o.checkDirectory(t)
	}
	if up && o.moved > 0 {
		o.checkMoving(t)
	}
	o.checkCounters(t)
	o.checkManners(t)
}

// checkUp compares whether the source is up with what its faults allow.
func (o *observation) checkUp(t *testing.T, up bool) {
	t.Helper()
	switch {
	case o.scrape == 5 && strings.HasPrefix(o.fault.name, "flood"):
		// What was sent too much may be taken for the next answer.
	case o.api == session.OAM && len(o.before)%50 == 0 && strings.Contains(o.rig.log.String(), "total_looks_capped"):
		// A round total, of a server whose filters tell nothing, is not believed.
	case !o.faulty && !up:
		t.Errorf("down without a fault")
	case o.faulty && o.fault.class == fatalFault && up:
		t.Errorf("up in spite of a fault")
	case o.faulty && o.fault.class == clockFault && o.movement.every > 0 && o.got.value("iam_source_errors_total", "reason", "untrusted") > 0:
		// Ahead, it hides which sessions came during the scrape.
	case o.faulty && o.fault.class == clockFault && !up:
		t.Errorf("down with a wrong clock")
	}
}

// families are those that sum to the total of sessions.
func (o *observation) families() []string {
	out := []string{"iam_sessions_by_client_ip", "iam_sessions_by_client_network"}
	if o.api == session.OAM {
		out = append(out, "iam_sessions_by_identity_store")
	}
	if o.api == session.Intersight && !slices.Contains(o.iopt.Missing, "LoginType") {
		out = append(out, loginFamily)
	}
	if o.api == session.Intersight && !slices.Contains(o.iopt.Missing, "Role") || o.rig.role != "" {
		out = append(out, "iam_sessions_by_role")
	}
	return out
}

// checkSums compares the families with each other and with the truth.
func (o *observation) checkSums(t *testing.T, up, complete bool) {
	t.Helper()
	sum, there := o.got.get("iam_sessions")
	if there && !up {
		t.Errorf("down, and %v sessions are published", sum)
	}
	for _, f := range o.families() {
		if n, found := o.got.get(f); found != there && len(o.before) > 0 || n != sum {
			t.Errorf("%s sums to %v, iam_sessions to %v", f, n, sum)
		}
	}
	if _, there := o.got.get("iam_sessions_by_role"); there && slices.Contains(o.iopt.Missing, "Role") {
		t.Error("roles, of a build that has none")
	}
	if !up {
		return
	}
	low, high := float64(min(len(o.before), len(o.after))-o.moved), float64(max(len(o.before), len(o.after))+o.moved)
	if o.api == session.Intersight && !complete {
		low = 0 // it sums to what is listed
	}
	if sum < low || sum > high {
		t.Errorf("iam_sessions sums to %v, truth is %d to %d (complete %v, %d moved)", sum, len(o.before), len(o.after), complete, o.moved)
	}
}

// checkDirectory compares what is said of identity stores and locks with the truth.
// What is not known of them, or no longer, is in other or absent.
func (o *observation) checkDirectory(t *testing.T) {
	t.Helper()
	sum, there := o.got.get(storeFamily)
	_, locks := o.got.get(lockFamily)
	if d := directoryOf(o.world, &o.iopt); there && !(d.stores && o.identities) || locks && !(d.locks && o.identities) {
		t.Errorf("identity stores there %v, locks there %v; that can't be known", there, locks)
	}
	if all := o.got.value("iam_sessions"); there && sum != all {
		t.Errorf("%s sums to %v, iam_sessions to %v", storeFamily, sum, all)
	}
	if there && o.moved == 0 {
		checkStoresAtMost(t, o.got, o.world, &o.iopt)
	}
	if n, most := o.got.value(lockFamily), float64(max(o.locked, o.world.Locked())); n > most && !(o.faulty && o.fault.class == clockFault) {
		t.Errorf("%v users are locked, truth is at most %v", n, most)
	}
}

// checkStill compares with the truth where nothing moved.
func (o *observation) checkStill(t *testing.T, complete bool) (named int) {
	t.Helper()
	if !sameStatuses(o.before, o.after) {
		return 0
	}
	if complete {
		truthOf(o.before, networks).check(t, o.got, o.families()...)
		return 0
	}
	return checkNamedAtMost(t, o.got, o.before, o.oopt.Filter.IgnoreCase, o.api == session.OAM)
}

func sameStatuses(a, b []world.Session) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Status != b[i].Status {
			return false
		}
	}
	return true
}

// checkMoving compares names and statuses with bounds: what was there before or
// after, and what moved.
func (o *observation) checkMoving(t *testing.T) {
	t.Helper()
	before, after := truthOf(o.before, networks), truthOf(o.after, networks)
	for _, f := range o.families() {
		want := map[string]int{}
		for _, tr := range []truth{before, after} {
			have := map[string]int{}
			for p, n := range tr.by[f] {
				have[strings.ToLower(p.value)] += n
			}
			for v, n := range have {
				want[v] = max(want[v], n)
			}
		}
		have := map[string]float64{}
		for _, x := range o.got {
			if x.family == f {
				have[strings.ToLower(x.labels[labelOf[f]])] += x.value
			}
		}
		for v, n := range have {
			if v != "other" && v != "unknown" && n > float64(want[v]+o.moved) {
				t.Errorf("%s: %q is %v, truth is at most %d, and %d moved", f, v, n, want[v], o.moved)
			}
		}
	}
	if o.faulty && o.fault.class == clockFault || o.iopt.NoDate || o.oopt.NoDate {
		return
	}
	// A second each few requests: what idles or expires meanwhile moves, too.
	idled := 0
	for _, s := range []string{"idle", "expired"} {
		idled += max(after.byStatus[s]-before.byStatus[s], 0)
	}
	for _, s := range session.Statuses() {
		n := o.got.value("iam_sessions", "status", s.String())
		if most := max(before.byStatus[s.String()], after.byStatus[s.String()]) + o.moved + idled; s != session.Unknown && n > float64(most) {
			t.Errorf("%v are %s, truth is at most %d", n, s, most)
		}
	}
}

// checkCounters compares counters with what has happened since the first scrape
// began: they never tell more.
func (o *observation) checkCounters(t *testing.T) {
	t.Helper()
	now := o.world.Counts(o.api)
	if n, really := o.got.value("iam_sessions_started_total"), now.Started-o.began.Started; n > float64(really) {
		t.Errorf("%v started, of %d that did", n, really)
	}
	ended := o.got.value("iam_sessions_ended_total")
	if o.fault.class == clockFault && o.fault.fault.Count == 0 {
		// A clock that stays wrong is believed: by it, sessions expire and idle.
		ended -= o.got.value("iam_sessions_ended_total", "reason", "expired") + o.got.value("iam_sessions_ended_total", "reason", "idle")
	}
	// A session that idled out before the first scrape, by the world's own judgement, is
	// listed as idle and ends for the exporter when it is no longer listed.
	over := map[string]bool{}
	for _, e := range o.world.Events(o.api)[o.events:] {
		if e.Kind == world.Ended || e.Kind == world.Removed {
			over[e.ID] = true
		}
	}
	if n, really := ended, len(over); n > float64(really) {
		t.Errorf("%v ended, of %d that did", n, really)
	}
	if n, really := o.got.value("iam_failed_logins_total"), now.FailedLogins-o.began.FailedLogins; n > float64(really) {
		t.Errorf("%v failed logins, of %d; want at most %v", n, really, float64(really))
	}
}

// checkManners is how an API is treated, whatever it does.
func (o *observation) checkManners(t *testing.T) {
	t.Helper()
	asked := o.got.value("iam_source_scrape_requests")
	most := map[session.API]float64{session.OAM: float64(o.queries), session.Intersight: 40}[o.api]
	if o.identities {
		most += 20 // three more lists, of which one may lack properties and have three pages
	}
	if asked > most {
		t.Errorf("%v requests; want at most %v", asked, most)
	}
	log := o.rig.log.String()
	for _, s := range o.before {
		for _, secret := range []string{s.ID, s.User, s.UserMoid} {
			if len(secret) >= 8 && strings.Contains(log, secret) {
				t.Errorf("the log tells %q", secret)
				return
			}
		}
	}
	if strings.Contains(log, simoam.CookieMark) || strings.Contains(log, simintersight.SessionTokenMark) || strings.Contains(log, "keyId=") {
		t.Error("the log tells a credential")
	}
	if o.api == session.OAM {
		if s := o.rig.oam.Stats(); s.Dangerous+s.NotFound+s.OtherMethods > 0 || s.Concurrent > 3 || s.Cookies > 4*(o.scrape+1) {
			t.Errorf("%+v; want Concurrent at most 3, Cookies at most %v; s.Dangerous+s.NotFound+s.OtherMethods = %v, want 0", s, 4*(o.scrape+1), s.Dangerous+s.NotFound+s.OtherMethods)
		}
		return
	}
	if s := o.rig.inter.Stats(); s.Writes+s.Leaks+s.CookiesBack+s.Personal > 0 || strings.Contains(log, simintersight.PersonMark) {
		t.Errorf("%+v; s.Writes+s.Leaks+s.CookiesBack+s.Personal = %v, want 0, and no name in the log", s, s.Writes+s.Leaks+s.CookiesBack+s.Personal)
	}
}

// checkNamedAtMost compares what an incomplete scrape says by name with the truth:
// equal, but for addresses that are formatted in several ways, of which some are
// in other.
func checkNamedAtMost(t *testing.T, got samples, sessions []world.Session, fold, exact bool) int {
	t.Helper()
	forms := map[string]map[string]bool{}
	for _, s := range sessions {
		if a, ok := parse(s.ClientIP); ok {
			if forms[a.String()] == nil {
				forms[a.String()] = map[string]bool{}
			}
			forms[a.String()][s.ClientIP] = true
		}
	}
	n := 0
	tr := truthOf(sessions, nil)
	for f, label := range labelOf {
		if label == "client_network" {
			continue
		}
		key := func(v string) string {
			if fold {
				return strings.ToLower(v)
			}
			return v
		}
		want, have := map[string]int{}, map[string]float64{}
		for p, n := range tr.by[f] {
			want[key(p.value)] += n
		}
		for _, x := range got {
			switch v := x.labels[label]; {
			case x.family != f, v == "other", v == "none", v == "invalid":
			default:
				have[key(v)] += x.value
			}
		}
		for v, c := range have {
			n++
			several := len(forms[v]) > 1 || len(forms[v]) == 1 && !forms[v][v] || label == "role"
			if c > float64(want[v]) || c != float64(want[v]) && exact && !several {
				t.Errorf("%s: %q is %v, truth is %d", f, v, c, want[v])
			}
		}
	}
	for _, s := range []session.Status{session.Idle, session.Expired} {
		if v := got.value("iam_sessions", "status", s.String()); v > float64(tr.byStatus[s.String()]) {
			t.Errorf("%v are %s, truth is %d", v, s, tr.byStatus[s.String()])
		}
	}
	return n
}

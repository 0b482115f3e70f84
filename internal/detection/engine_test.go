package detection

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

// timeline drives an Engine in fake time, and notes what it sends.
type timeline struct {
	t   *testing.T
	e   *Engine
	src Source
	set *Settings
	now time.Time // ours
	out []string
}

func newTimeline(t *testing.T, src Source, set *Settings) *timeline {
	return &timeline{t: t, e: NewEngine(src, set), src: src, set: set, now: noon}
}

func (l *timeline) note(alerts []Alert) {
	for _, a := range alerts {
		what := "fires"
		if !a.EndsAt.After(l.now) {
			what = "resolved"
		}
		l.out = append(l.out, fmt.Sprintf("%s %s %s since %s until %s", l.at(l.now), a.Labels["alertname"], what, l.at(a.StartsAt), l.at(a.EndsAt)))
	}
}

// at writes a time as minutes after noon.
func (l *timeline) at(t time.Time) string { return t.Sub(noon).String() }

// after waits, and then takes a snapshot with these sessions, whose ages are at noon.
func (l *timeline) after(d time.Duration, logins ...login) { l.take(d, true, nil, logins...) }

func (l *timeline) take(d time.Duration, complete bool, change func(*session.Snapshot), logins ...login) {
	l.now = l.now.Add(d)
	s := snap(logins...)
	s.Taken, s.Complete = l.now, complete
	if change != nil {
		change(s)
	}
	l.note(l.e.Observe(l.now, s))
}

// panics takes a snapshot whose alerts can't be written.
func (l *timeline) panics(d time.Duration, logins ...login) {
	for i := range l.e.cfg.table {
		l.e.cfg.table[i].tells = func(*facts) string { panic("a bug") }
	}
	defer func() {
		if recover() == nil {
			l.t.Error("got no panic")
		}
		l.fail(0)
	}()
	l.after(d, logins...)
}

func (l *timeline) tick(d time.Duration) {
	l.now = l.now.Add(d)
	l.note(l.e.Tick(l.now))
}

func (l *timeline) fail(d time.Duration) {
	l.now = l.now.Add(d)
	l.e.Fail(l.now)
}

// sent compares what was sent since it was called before.
func (l *timeline) sent(want ...string) {
	l.t.Helper()
	if !slices.Equal(l.out, want) {
		l.t.Errorf("sent:\ngot\n%s\nwant\n%s", strings.Join(l.out, "\n"), strings.Join(want, "\n"))
	}
	l.out = nil
}

func (l *timeline) firing(want int) {
	l.t.Helper()
	if got := len(l.e.Firing()); got != want {
		l.t.Errorf("at %s: got %d alerts that fire, want %d: %v", l.at(l.now), got, want, l.e.Firing())
	}
}

var guessed = login{user: "alice", failed: 6, age: 10 * time.Minute}

const m = time.Minute

// It fires at once, is sent again while it is true, and resolved when it was gone
// for long enough.
func TestAlertLives(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.sent("0s IAMUserLoginAfterFailures fires since -10m0s until 30m0s")
	l.after(30*time.Second, guessed)
	l.sent() // too soon
	l.after(24*time.Second, guessed)
	l.sent("54s IAMUserLoginAfterFailures fires since -10m0s until 30m54s") // a tenth less than the delay
	l.after(6*time.Second, guessed)
	l.sent()
	l.after(m, guessed)
	l.sent("2m0s IAMUserLoginAfterFailures fires since -10m0s until 32m0s")
	for range 27 { // gone, but not for as long as it has to live
		l.after(m)
	}
	l.sent()
	l.firing(1)
	l.after(m)
	l.sent("30m0s IAMUserLoginAfterFailures resolved since -10m0s until 30m0s")
	l.firing(0)
	for range 4 {
		l.tick(30 * time.Second)
	}
	l.sent("31m0s IAMUserLoginAfterFailures resolved since -10m0s until 30m0s", "32m0s IAMUserLoginAfterFailures resolved since -10m0s until 30m0s")
	l.tick(13 * m)
	l.sent("45m0s IAMUserLoginAfterFailures resolved since -10m0s until 30m0s")
	l.tick(m)
	l.sent()
	if got := l.e.Current(l.now); len(got) != 0 {
		t.Errorf("got %d alerts an Alertmanager should know, want 0", len(got))
	}
}

// One that lasted for long has to be gone for keep_firing_for.
func TestKeepFiringFor(t *testing.T) {
	l := newTimeline(t, cloud, base())
	for range 60 {
		l.after(m, guessed)
	}
	l.out = nil
	for range 4 {
		l.after(m)
	}
	l.after(59 * time.Second)
	l.sent()
	l.after(time.Second)
	l.sent("1h5m0s IAMUserLoginAfterFailures resolved since -10m0s until 1h5m0s")
}

// One that comes back meanwhile goes on as it was.
func TestComesBackBeforeItIsResolved(t *testing.T) {
	l := newTimeline(t, cloud, base())
	for range 60 {
		l.after(m, guessed)
	}
	l.out = nil
	for range 4 {
		l.after(m)
	}
	l.after(m, guessed)
	l.sent("1h5m0s IAMUserLoginAfterFailures fires since -10m0s until 1h35m0s")
	for range 4 {
		l.after(m)
	}
	l.sent()
	if got := l.e.Counts(true)[0].Severities[0]; got.Firing != 1 || got.Fired != 1 {
		t.Errorf("got %+v, want one that fires, and fired once", got)
	}
}

// One that comes back after it was resolved is another one, that does not begin
// before the end of the first.
func TestComesBackAfterItWasResolved(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.after(30 * m)
	l.after(5 * m)
	l.out = nil
	l.after(m, guessed)
	l.sent("36m0s IAMUserLoginAfterFailures fires since 30m0s until 1h6m0s")
	l.tick(m)
	l.sent() // not resolved any more
	if got := l.e.Counts(true)[0].Severities[0]; got.Firing != 1 || got.Fired != 2 {
		t.Errorf("got %+v, want one that fires, and fired twice", got)
	}
}

// After a quarter of an hour nothing is known of it.
func TestComesBackMuchLater(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.after(30 * m)
	l.after(16 * m)
	l.out = nil
	l.after(m, guessed)
	l.sent("47m0s IAMUserLoginAfterFailures fires since -10m0s until 1h17m0s")
}

// startsAt is never in our future, whatever the API's clock says, and does not
// move while the alert fires.
func TestStartsNotInTheFuture(t *testing.T) {
	l := newTimeline(t, cloud, base())
	ahead := login{user: "alice", failed: 6, age: -7 * m}
	l.take(0, true, func(s *session.Snapshot) { s.Taken = l.now.Add(time.Hour) }, ahead)
	l.take(m, true, func(s *session.Snapshot) { s.Taken = l.now.Add(time.Hour) }, ahead, login{user: "alice", failed: 6, age: time.Hour})
	undated := login{user: "bob", failed: 6, undated: true}
	l.after(10*m, undated)
	l.after(m, undated)
	l.sent("0s IAMUserLoginAfterFailures fires since 0s until 30m0s",
		"1m0s IAMUserLoginAfterFailures fires since 0s until 31m0s",
		"11m0s IAMUserLoginAfterFailures fires since 11m0s until 41m0s",
		"12m0s IAMUserLoginAfterFailures fires since 11m0s until 42m0s")
}

// A source that fails sends and resolves nothing, and its alerts are forgotten
// when Alertmanager has ended them.
func TestSourceFails(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.after(10*m, guessed)
	l.out = nil
	for range 29 {
		l.fail(m)
		l.tick(0)
	}
	l.sent()
	l.firing(1)
	l.tick(m)
	l.firing(0)
	l.sent()
	l.after(m, guessed)
	l.sent("41m0s IAMUserLoginAfterFailures fires since -10m0s until 1h11m0s")
}

// After a failure that is shorter than that, a complete snapshot resolves at once.
func TestSourceComesBack(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.after(10*m, guessed)
	l.fail(m)
	l.fail(10 * m)
	l.out = nil
	l.after(9 * m)
	l.sent("30m0s IAMUserLoginAfterFailures resolved since -10m0s until 30m0s")
	l.fail(m)
	l.tick(m)
	l.sent() // not even that it is over
	l.after(m)
	l.sent("33m0s IAMUserLoginAfterFailures resolved since -10m0s until 30m0s")
}

// A snapshot that does not show all can raise an alert, not end it; after an hour
// it is over anyhow.
func TestPartialSnapshots(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.take(0, false, nil, guessed)
	l.sent("0s IAMUserLoginAfterFailures fires since -10m0s until 30m0s")
	for range 59 {
		l.take(m, false, nil)
	}
	l.sent()
	l.firing(1)
	l.take(m, false, nil)
	l.sent("1h0m0s IAMUserLoginAfterFailures resolved since -10m0s until 1h0m0s")
}

// One snapshot that could tell is enough, whenever it was since the alert was
// shown.
func TestOneSnapshotCouldTell(t *testing.T) {
	l := newTimeline(t, cloud, base())
	for range 40 {
		l.after(m, guessed)
	}
	l.out = nil
	l.after(m)
	for range 3 {
		l.take(m, false, nil)
	}
	l.sent()
	l.take(m, false, nil)
	l.sent("45m0s IAMUserLoginAfterFailures resolved since -10m0s until 45m0s")
}

// Which partial snapshots can tell.
func TestSnapshotCanTell(t *testing.T) {
	acting := login{user: "bob", store: "ldap", age: 10 * m, impersonating: true}
	glass := base().with("break_glass", Values{"users": []string{"bob"}}, nil).with("impersonation", Values{"enabled": false}, nil)
	one, none := 1, 0
	for _, c := range []struct {
		name   string
		set    *Settings
		change func(s *session.Snapshot, user session.Key)
		over   bool
	}{
		{"nothing", base(), func(s *session.Snapshot, _ session.Key) { s.Impersonating = nil }, false},
		{"one impersonates", base(), func(s *session.Snapshot, _ session.Key) { s.Impersonating = &one }, false},
		{"nobody impersonates", base(), func(s *session.Snapshot, _ session.Key) { s.Impersonating = &none }, true},
		{"nobody impersonates, another detection", glass, func(s *session.Snapshot, _ session.Key) { s.Impersonating = &none }, false},
		{"the user is listed", glass, func(s *session.Snapshot, u session.Key) { s.FullyListed = []session.Set{{User: u}} }, true},
		{"the user is listed in his store", glass, func(s *session.Snapshot, u session.Key) {
			s.FullyListed = []session.Set{{User: u, IdentityStore: "ldap"}}
		}, true},
		{"the user is listed at an address", glass, func(s *session.Snapshot, u session.Key) {
			s.FullyListed = []session.Set{{User: u, ClientIP: "192.0.2.1"}}
		}, false},
		{"the store is listed", glass, func(s *session.Snapshot, _ session.Key) { s.FullyListed = []session.Set{{IdentityStore: "ldap"}} }, true},
		{"another store is listed", glass, func(s *session.Snapshot, _ session.Key) { s.FullyListed = []session.Set{{IdentityStore: "ad"}} }, false},
		{"another user is listed", glass, func(s *session.Snapshot, u session.Key) { s.FullyListed = []session.Set{{User: u + 1}} }, false},
	} {
		l := newTimeline(t, sso, c.set)
		var user session.Key
		l.take(0, false, func(s *session.Snapshot) { user = s.Sessions[0].User }, acting)
		l.out = nil
		l.take(30*m, false, func(s *session.Snapshot) { c.change(s, user) })
		if got := len(l.out) == 1; got != c.over {
			t.Errorf("%s: got resolved %v, want %v: %v", c.name, got, c.over, l.out)
		}
	}
}

func TestAddressCanBeTold(t *testing.T) {
	l := newTimeline(t, cloud, base().with("shared_address", Values{"enabled": true, "max": 1}, nil))
	l.take(0, false, nil, login{user: "a", ip: "192.0.2.1"}, login{user: "b", ip: "192.0.2.1"})
	l.sent("0s IAMAddressShared fires since 0s until 30m0s")
	l.take(30*m, false, func(s *session.Snapshot) { s.FullyListed = []session.Set{{ClientIP: "192.0.2.2"}} })
	l.sent()
	l.take(m, false, func(s *session.Snapshot) { s.FullyListed = []session.Set{{ClientIP: "192.0.2.1"}} })
	l.sent("31m0s IAMAddressShared resolved since 0s until 31m0s")
}

func guesses(n int, age time.Duration) []login {
	var all []login
	for i := range n {
		all = append(all, login{user: fmt.Sprintf("user%d", i), failed: 6, age: age - time.Duration(i)*time.Second})
	}
	return all
}

// Of too many alerts the first ones are sent, and one stands for the rest.
func TestStorm(t *testing.T) {
	set := base()
	set.MaxAlerts = 2
	l := newTimeline(t, cloud, set)
	l.after(0, guesses(4, m)...)
	l.sent("0s IAMAlertStorm fires since -58s until 30m0s",
		"0s IAMUserLoginAfterFailures fires since -1m0s until 30m0s",
		"0s IAMUserLoginAfterFailures fires since -59s until 30m0s")
	c := l.e.Counts(true)[0]
	if c.HeldBack != 2 || c.Severities[0].Firing != 4 || c.Severities[0].Fired != 4 {
		t.Errorf("got %+v, want 4 that fire, 2 of them held back", c)
	}
	held, storms := 0, 0
	for _, f := range l.e.Firing() {
		if f.Held {
			held++
		}
		if f.Labels["alertname"] == Storm {
			storms++
			if f.Labels["subject"] != "login_after_failures" || f.Labels["severity"] != Warning || f.Annotations["summary"] == "" {
				t.Errorf("got storm %v", f)
			}
		}
	}
	if held != 2 || storms != 1 {
		t.Errorf("got %d held back and %d storms, want 2 and 1", held, storms)
	}
	// One of those that were sent is gone: another one takes its place.
	l.after(m, guesses(4, m)[1:]...)
	l.sent("1m0s IAMAlertStorm fires since -58s until 31m0s",
		"1m0s IAMUserLoginAfterFailures fires since -59s until 31m0s",
		"1m0s IAMUserLoginAfterFailures fires since -58s until 31m0s")
	l.after(m, guesses(4, m)[2:]...)
	l.sent("2m0s IAMUserLoginAfterFailures fires since -58s until 32m0s", "2m0s IAMUserLoginAfterFailures fires since -57s until 32m0s")
	l.after(28*m, guesses(4, m)[2:]...)
	l.out = slices.DeleteFunc(l.out, func(s string) bool { return strings.Contains(s, "fires") })
	l.sent("30m0s IAMUserLoginAfterFailures resolved since -1m0s until 30m0s", "30m0s IAMUserLoginAfterFailures resolved since -59s until 30m0s", "30m0s IAMAlertStorm resolved since -58s until 30m0s")
}

// Those held back have the severity of the worst of them.
func TestStormSeverity(t *testing.T) {
	set := base()
	set.MaxAlerts = 1
	l := newTimeline(t, cloud, set)
	l.after(0, login{user: "a", failed: 6, age: 3 * m}, login{user: "b", failed: 12, age: 2 * m})
	for _, f := range l.e.Firing() {
		if f.Labels["alertname"] == Storm && f.Labels["severity"] != Critical {
			t.Errorf("got a storm of severity %s, want critical", f.Labels["severity"])
		}
	}
	l.sent("0s IAMAlertStorm fires since -2m0s until 30m0s", "0s IAMUserLoginAfterFailures fires since -3m0s until 30m0s")
}

// What is not notified is shown, not sent.
func TestNotify(t *testing.T) {
	l := newTimeline(t, cloud, base().with("login_after_failures", Values{"notify": false}, nil))
	l.after(0, guessed)
	l.sent()
	l.firing(1)
	c := l.e.Counts(true)[0]
	if c.Covers || c.Severities[0].Firing != 1 {
		t.Errorf("got %+v, want one that fires, and that it does not cover", c)
	}
	l.after(31 * m)
	l.sent()
	l.firing(0)
}

func TestReload(t *testing.T) {
	var many []login
	for range 6 {
		many = append(many, login{user: "alice", role: "Operator", age: 10 * m, ip: "10.0.0.1"})
	}
	changed := func(f func(*Settings)) *Settings { s := base(); f(s); return s }
	except := func(x Exception) *Settings {
		x.Until = noon.Add(time.Hour)
		return changed(func(s *Settings) { s.Exceptions = []Exception{x} })
	}
	const resolved = "10m0s IAMUserConcurrentSessions resolved since -5m0s until 10m0s"
	for _, c := range []struct {
		name string
		set  *Settings
		want []string
		then int // alerts that fire
	}{
		{"nothing changes", base(), nil, 1},
		{"off", base().with("concurrent_sessions", Values{"enabled": false}, nil), []string{resolved}, 0},
		{"a higher limit", base().with("concurrent_sessions", Values{"max": 6}, nil), []string{resolved}, 0},
		{"another severity", base().with("concurrent_sessions", Values{"severity": Critical}, nil), []string{resolved}, 0},
		{"a service account", changed(func(s *Settings) { s.ServiceAccounts = []string{"alice"} }), []string{resolved}, 0},
		{"excepted", except(Exception{Users: []string{"alice"}}), []string{resolved}, 0},
		{"another one excepted", except(Exception{Users: []string{"bob"}}), nil, 1},
		{"not sent any more", base().with("concurrent_sessions", Values{"notify": false}, nil), []string{resolved}, 1},
		{"other labels", changed(func(s *Settings) { s.Labels = map[string]string{"team": "a"} }), []string{resolved}, 0},
		{"another key", changed(func(s *Settings) { s.Key = []byte("another key another key another k") }), []string{resolved}, 0},
	} {
		l := newTimeline(t, cloud, base())
		l.after(0, many...)
		l.after(9*m, many...)
		l.out = nil
		l.now = l.now.Add(m)
		l.note(l.e.Reload(l.now, cloud, c.set))
		if !slices.Equal(l.out, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, l.out, c.want)
		}
		l.firing(c.then)
		l.out = nil
		l.tick(m)
		if len(c.want) != len(l.out) {
			t.Errorf("%s: got %v a minute later, want the same", c.name, l.out)
		}
	}
}

// What no snapshot shows any more, but has not been gone for long, is excepted,
// too.
func TestReloadExceptsWhatIsGone(t *testing.T) {
	before := func() *Settings {
		set := base()
		set.Exceptions = []Exception{{Users: []string{"nobody"}, Until: noon.Add(time.Hour)}}
		return set
	}
	gone := map[string]func(*timeline){
		"not shown":              func(l *timeline) { l.after(m) },
		"not shown for long":     func(l *timeline) { l.after(m); l.after(m) },
		"the source failed":      func(l *timeline) { l.fail(m) },
		"failed, then not shown": func(l *timeline) { l.fail(m); l.after(m) },
		"reloaded, not shown":    func(l *timeline) { l.e.Reload(l.now, cloud, before()); l.after(m) },
		"annotations panic":      func(l *timeline) { l.panics(m, login{user: "bob", role: "Other", ip: "192.0.2.1", failed: 6, age: m}) },
		"somebody else is shown": func(l *timeline) { l.after(m, login{user: "bob", role: "Other", ip: "192.0.2.1", failed: 6, age: m}) },
	}
	for _, c := range []struct {
		name string
		x    Exception
		over bool
	}{
		{"by user", Exception{Users: []string{"ali*"}}, true},
		{"by role", Exception{Roles: []string{"Operator"}}, true},
		{"by network", Exception{Networks: []string{"vpn"}}, true},
		{"by another network", Exception{Networks: []string{"hq"}}, false},
		{"by another role", Exception{Roles: []string{"Admin"}}, false},
		{"of another detection", Exception{Users: []string{"alice"}, Detections: []string{"off_hours"}}, false},
		{"of another source", Exception{Users: []string{"alice"}, Sources: []string{"sso"}}, false},
	} {
		for how, goes := range gone {
			l := newTimeline(t, cloud, before())
			l.after(0, login{user: "alice", role: "Operator", ip: "100.64.0.1", failed: 6, age: m})
			goes(l)
			l.out = nil
			set := before()
			c.x.Until = noon.Add(time.Hour)
			set.Exceptions = append(set.Exceptions, c.x)
			l.note(l.e.Reload(l.now, cloud, set))
			if got := len(l.out) == 1; got != c.over {
				t.Errorf("%s, %s: got resolved %v, want %v", how, c.name, got, c.over)
			}
		}
	}
}

// With other labels the next snapshot begins other alerts; the old ones are told
// to have ended meanwhile.
func TestReloadWithOtherLabels(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	set := base()
	set.Labels = map[string]string{"team": "identity"}
	l.note(l.e.Reload(l.now, cloud, set))
	l.after(m, guessed)
	l.sent("0s IAMUserLoginAfterFailures fires since -10m0s until 30m0s",
		"0s IAMUserLoginAfterFailures resolved since -10m0s until 0s",
		"1m0s IAMUserLoginAfterFailures fires since -10m0s until 31m0s",
		"1m0s IAMUserLoginAfterFailures resolved since -10m0s until 0s")
	teams := map[string]int{}
	for _, a := range l.e.Current(l.now) {
		teams[a.Labels["team"]]++
	}
	if teams[""] != 1 || teams["identity"] != 1 {
		t.Errorf("got %v, want one of each", teams)
	}
}

// A source that is removed ends its alerts.
func TestClose(t *testing.T) {
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.out = nil
	l.note(l.e.Close(l.now))
	l.after(m, guessed)
	l.sent("0s IAMUserLoginAfterFailures resolved since -10m0s until 0s")
	l.tick(0)
	l.sent("1m0s IAMUserLoginAfterFailures resolved since -10m0s until 0s")
	if l.e.Done() {
		t.Error("done a minute after its end, want it to tell of that for 15 minutes")
	}
	l.tick(15 * m)
	if !l.e.Done() {
		t.Error("not done 16 minutes after its end")
	}
}

// Two exporters with one configuration send the same labels and startsAt; one that
// is blind can't undo what the other resolved.
func TestPair(t *testing.T) {
	a, b := newTimeline(t, cloud, base()), newTimeline(t, cloud, base())
	a.after(0, guessed)
	b.after(17*time.Second, guessed)
	one, other := a.e.Current(a.now)[0], b.e.Current(b.now)[0]
	if fmt.Sprint(one.Labels, one.StartsAt) != fmt.Sprint(other.Labels, other.StartsAt) {
		t.Errorf("got %v since %s and %v since %s, want the same", one.Labels, one.StartsAt, other.Labels, other.StartsAt)
	}
	b.out = nil
	for range 60 {
		b.fail(m)
		b.tick(0)
	}
	b.sent()
}

func TestCounts(t *testing.T) {
	set := base().with("off_hours", Values{"hours": &Hours{Days: []time.Weekday{time.Sunday}, To: time.Hour, Zone: time.UTC}}, nil)
	set.Exceptions = []Exception{{Roles: []string{"Operator"}, Until: noon.Add(time.Hour), Detections: []string{"session_age", "break_glass"}}}
	l := newTimeline(t, cloud, set)
	counts := func(accepted bool) map[string]Count {
		all := map[string]Count{}
		for _, c := range l.e.Counts(accepted) {
			all[c.Detection] = c
		}
		return all
	}
	before := counts(true)
	if _, ok := before["impersonation"]; ok {
		t.Error("got impersonation of an API that does not report it")
	}
	if got := before["login_after_failures"].Severities; !slices.Equal(got, []SeverityCount{{Severity: Warning}, {Severity: Critical}}) {
		t.Errorf("before the first snapshot: got %v, want zeros of both levels", got)
	}
	if got := before["unexpected_network"]; got.On || len(got.Severities) != 0 || got.Covers {
		t.Errorf("a detection that is off: got %+v", got)
	}
	if got := before["session_age"]; !got.On || got.Covers {
		t.Errorf("before the first snapshot: got %+v, want one that is on and does not cover", got)
	}
	l.after(0, login{user: "a", role: "Operator", status: session.Ended}, login{user: "b", role: "Operator", age: 25 * time.Hour}, login{role: "Operator"})
	after := counts(true)
	if got := after["session_age"]; !got.Covers || got.Excepted != 2 || got.Severities[0].Firing != 0 {
		t.Errorf("got %+v, want one that covers, with 2 excepted sessions", got)
	}
	if got := after["concurrent_sessions"]; got.Excepted != 0 {
		t.Errorf("got %+v, want none excepted", got)
	}
	if !after["off_hours"].Covers {
		t.Errorf("got %+v, want one that covers", after["off_hours"])
	}
	if counts(false)["session_age"].Covers {
		t.Error("covers, although no Alertmanager accepts")
	}
	l.take(m, false, nil)
	if counts(true)["session_age"].Covers {
		t.Error("covers, although not all is listed")
	}
	l.after(m)
	if !counts(true)["session_age"].Covers {
		t.Error("does not cover, although all is listed")
	}
	l.fail(m)
	if counts(true)["session_age"].Covers {
		t.Error("covers, although the source fails")
	}
}

// Who is asked for where not everything is listed.
func TestWanted(t *testing.T) {
	l := newTimeline(t, sso, base().with("break_glass", Values{"users": []string{"root", "*glass", "adm*"}}, Values{"users": []string{"root", "emergency"}}))
	l.after(0, login{user: "bob", store: "ldap", impersonating: true}, login{user: "root", store: "ldap", impersonating: true})
	var got []string
	for _, u := range l.e.Wanted() {
		got = append(got, fmt.Sprint(u.Name.Open(), " of ", u.Store, ", urgent ", u.Urgent))
	}
	if want := []string{"root of , urgent true", "emergency of , urgent true", "root of ldap, urgent false", "bob of ldap, urgent false"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A user, or an address, is one subject in all sources of one key.
func TestSubjectOfTwoSources(t *testing.T) {
	set := base().with("shared_address", Values{"enabled": true, "max": 0}, nil)
	subjects := func(src Source, l login) (all []string) {
		for _, a := range NewEngine(src, set).Observe(noon, snap(l)) {
			all = append(all, a.Labels["source"]+" "+a.Labels["subject"])
		}
		slices.Sort(all)
		return all
	}
	other := cloud
	other.Name = "appliance"
	l := login{user: "Alice", ip: "::ffff:192.0.2.1", failed: 12, age: m}
	one := subjects(cloud, l)
	l.user, l.ip = "aLICE", "192.0.2.1"
	two := subjects(other, l)
	if len(one) != 3 {
		t.Fatalf("got alerts %v, want 3", one)
	}
	for i := range one {
		if got, want := two[i], strings.Replace(one[i], "cloud", "appliance", 1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// An API whose clock is wrong is judged by its own clock; what is sent, by ours.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{-3 * time.Hour, 3 * time.Hour} {
		l := newTimeline(t, cloud, base())
		l.take(0, true, func(s *session.Snapshot) {
			s.Taken = s.Taken.Add(skew)
			for i := range s.Sessions {
				s.Sessions[i].Created = s.Sessions[i].Created.Add(skew)
			}
		}, login{user: "alice", failed: 6, age: 10 * m, status: session.Ended})
		since := "-3h10m0s"
		if skew > 0 {
			since = "0s"
		}
		l.sent("0s IAMUserLoginAfterFailures fires since " + since + " until 30m0s")
	}
}

// What is not sent for a while is told to have ended until it is sent again.
func TestNotifiedAgain(t *testing.T) {
	quiet := base().with("login_after_failures", Values{"notify": false}, nil)
	l := newTimeline(t, cloud, base())
	l.after(0, guessed)
	l.out = nil
	l.now = l.now.Add(m)
	l.note(l.e.Reload(l.now, cloud, quiet))
	l.after(m, guessed)
	l.sent("1m0s IAMUserLoginAfterFailures resolved since -10m0s until 1m0s", "2m0s IAMUserLoginAfterFailures resolved since -10m0s until 1m0s")
	l.note(l.e.Reload(l.now, cloud, base()))
	l.after(m, guessed)
	l.after(m, guessed)
	l.sent("3m0s IAMUserLoginAfterFailures fires since 1m0s until 33m0s", "4m0s IAMUserLoginAfterFailures fires since 1m0s until 34m0s")
}

package preflight

import (
	"bytes"
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
)

// fake is a source of an API that this package has never heard of.
type fake struct {
	session.Source // only what follows is asked for
	snapshot       func(context.Context) (*session.Snapshot, error)
}

func (f *fake) Facts() session.Facts { return session.FactRole }
func (f *fake) Info() session.Info   { return session.Info{} }
func (f *fake) Close()               {}

func (f *fake) Snapshot(ctx context.Context, _ session.Want) (*session.Snapshot, error) {
	return f.snapshot(ctx)
}

// fakes are sources of the configuration below by name.
type fakes map[string]func(context.Context) (*session.Snapshot, error)

func (f fakes) factories() map[session.API]exporter.Factory {
	return map[session.API]exporter.Factory{session.OAM: func(c config.Source) (session.Source, error) {
		return &fake{snapshot: f[c.Name]}, nil
	}}
}

// parse makes a configuration of sources of these names, each of which signs in by
// itself.
func parse(t *testing.T, names ...string) *config.Config {
	t.Helper()
	text := "sources:\n"
	for _, n := range names {
		text += "  - {name: " + n + ", api: oam, url: \"https://" + n + ".example.com\", authorization: {credentials_file: secret}}\n"
	}
	c, err := config.Parse([]byte(text), "test.yml", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func well(context.Context) (*session.Snapshot, error) {
	return &session.Snapshot{Reported: 1, Total: 1, Sessions: []session.Session{{ID: 1, Role: "Admin\x1b[31m\nfailed  " + strings.Repeat("x", 80)}}}, nil
}

// An API whose source is no Checker is tried with a refresh. What it says is no
// command to a terminal.
func TestAnyOtherAPI(t *testing.T) {
	var out bytes.Buffer
	f := fakes{"new": func(ctx context.Context) (*session.Snapshot, error) {
		session.TraceOf(ctx).Sent(session.Request{What: "GET /who", Code: http.StatusOK, Sent: time.Now(), Date: time.Now()})
		return well(ctx)
	}}
	ok, err := Run(t.Context(), parse(t, "new"), Options{Factories: f.factories(), Now: time.Now, Out: &out, Progress: &out})
	want := `new (oam, https://new.example.com)
  host   ok       responds in 1 ms
  clock  ok       agrees to the second
  token  ok       accepted
  role   ok       may read sessions
  sees   ok       1 session (1 unknown)
         ok       1 role: Admin [31m failed  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
asked 1 source: 0 failed, 0 with warnings
`
	if out.String() != want || !ok || err != nil {
		t.Errorf("got %t, %v\n%s\nwant true, nil\n%s", ok, err, out.String(), want)
	}
}

// Sources are tried at the same time, eight at most, and printed in the order of the
// configuration.
func TestAtTheSameTime(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	f := fakes{}
	running, release := make(chan string, len(names)), make(chan struct{})
	for _, n := range names {
		f[n] = func(ctx context.Context) (*session.Snapshot, error) {
			running <- n
			select {
			case <-release:
			case <-ctx.Done():
				t.Errorf("%s waits for others, want that they run", n)
			}
			return well(ctx)
		}
	}
	var out bytes.Buffer
	done := make(chan bool)
	go func() {
		ok, _ := Run(t.Context(), parse(t, names...), Options{Factories: f.factories(), Now: time.Now, Out: &out, Progress: &testkit.Buffer{}})
		done <- ok
	}()
	for range atOnce {
		<-running
	}
	if n := len(running); n > 0 {
		t.Errorf("got %d more than %d at the same time, want none", n, atOnce)
	}
	close(release)
	if !<-done {
		t.Error("got false, want true")
	}
	at := -1
	for _, n := range names {
		next := strings.Index(out.String(), n+" (oam")
		if next <= at {
			t.Errorf("got %s at %d, want it after %d\n%s", n, next, at, out.String())
		}
		at = next
	}
}

// Whoever waits for long is told what for; whoever gives up gets no more.
func TestInterrupted(t *testing.T) {
	f := fakes{"fast": well, "slow": func(ctx context.Context) (*session.Snapshot, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}}
	ctx, cancel := context.WithCancelCause(t.Context())
	var out, progress testkit.Buffer
	waiting := writer(func(p []byte) (int, error) {
		defer cancel(errors.New("given up"))
		return progress.Write(p)
	})
	ok, err := Run(ctx, parse(t, "fast", "slow"), Options{Factories: f.factories(), Now: time.Now, Out: &out, Progress: waiting, slow: 50 * time.Millisecond})
	if ok || err == nil || err.Error() != "given up" {
		t.Errorf("got %t, %v; want false, given up", ok, err)
	}
	if got, want := progress.String(), "waiting for slow, up to 10s\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := out.String(); !strings.Contains(got, "fast (oam") || strings.Contains(got, "slow (oam") || strings.Contains(got, "asked") {
		t.Errorf("got %s, want what fast came to alone", got)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// A refusal is not repeated for another source with the same credentials, also at
// another URL; the same user with another password is tried.
func TestRefusedOnce(t *testing.T) {
	r := newRig(t, world.Static{API: session.OAM, Sessions: 3}, simulator.ServeOptions{})
	source := func(name, file, more string) string {
		return "  - {name: " + name + `, api: oam, url: "URL", basic_auth: {username: monitor, password_file: ` + file + "}" + more + "}\n"
	}
	text, ok := r.run(r.parse("sources:\n" + source("first", "wrong", "") + source("second", "wrong", ", filter: {id_store_name: oud}") + source("third", "password", "") + strings.Replace(source("fourth", "wrong", ""), "URL", "http://other.example.com", 1)))
	var tr transcript
	tr.add("the same wrong password", r.faults.Requests(), text, ok)
	tr.compare(t, "refused.txt")
	if got := r.oam.Stats().Refused; got != 1 {
		t.Errorf("got %d refusals, want 1", got)
	}
}

// Nor in another file.
func TestRefusedOnceInAll(t *testing.T) {
	r := newRig(t, world.Static{API: session.OAM, Sessions: 3}, simulator.ServeOptions{})
	c := r.source(settings{auth: "basic_auth: {username: monitor, password_file: wrong}"})
	logins := Logins{}
	for _, want := range []string{"HTTP 401", "not asked: test has the same credentials"} {
		var out bytes.Buffer
		ok, err := Run(t.Context(), c, Options{Factories: r.factories(), Now: r.world.Now, Out: &out, Progress: &out, Logins: logins})
		if ok || err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("got %t, %v and\n%s\nwant false, nil and %q", ok, err, out.String(), want)
		}
	}
	if got := r.oam.Stats().Refused; got != 1 {
		t.Errorf("got %d refusals, want 1", got)
	}
}

// A token endpoint that refuses a client is not asked once more for another API.
func TestRefusedOnceByTokenEndpoint(t *testing.T) {
	r := newRig(t, world.Static{API: session.Intersight, Sessions: 3}, simulator.ServeOptions{})
	text := "sources:\n"
	for _, name := range []string{"first", "second"} {
		text += "  - {name: " + name + `, api: intersight, url: "http://` + name + `.example.com", oauth2: {client_id: client, client_secret_file: wrong, token_url: "URL/iam/token"}}` + "\n"
	}
	const most = 2 // there are two ways to send the secret
	if out, ok := r.run(r.parse(text)); ok || !strings.Contains(out, "not asked: first has the same credentials") || r.faults.Requests() > most {
		t.Errorf("got %t, %d requests and\n%s\nwant false, %d at most, and that the second is not asked", ok, r.faults.Requests(), out, most)
	}
}

// A server that repeats what it was sent in every field, and one whose answers are
// full of what must not get out.
func TestNothingSecret(t *testing.T) {
	for _, api := range []session.API{session.Intersight, session.OAM} {
		r := newRig(t, world.Static{API: api, Sessions: 3}, simulator.ServeOptions{})
		for _, code := range []int{200, 204, 302, 400, 401, 403, 404, 418, 429, 500, 503} {
			for _, body := range []string{
				canary,
				"<html><body>" + canary + "</body></html>",
				`{"code":"AuthenticationFailure","messageId":"iam_api_key_is_invalid","message":"'` + canary + `'","messageParams":{"1":"` + canary + `"},"traceId":"` + canary + `"}`,
				`{"totalRecords":"` + canary + `","sessions":[{"userId":"` + canary + `"}]}`,
				`{"totalRecords":1,"sessions":[{"userId":"` + canary + `","sessionId":"` + canary + `","clientIp":"` + canary + `","createTime":"` + canary + `"}]}`,
				`{"Count":1,"Results":[{"Moid":"` + canary + `","SessionId":"` + canary + `","UserIdOrEmail":"` + canary + `","ClientIpAddress":"` + canary + `","User":{"Moid":"` + canary + `"}}]}`,
			} {
				r.faults.Set(faults.Fault{Effect: faults.Answer(code, "application/json", body,
					"Location", "https://"+canary+".example.com/", "Retry-After", canary, "WWW-Authenticate", canary, "Set-Cookie", "JSESSIONID="+canary)})
				text, _ := r.run(r.source(settings{}))
				if !strings.Contains(text, "host") {
					t.Errorf("got %s, want a block", text)
				}
			}
		}
	}
}

// A clock that is far off is so in the right direction.
func TestCompared(t *testing.T) {
	for _, c := range []struct {
		skew  time.Duration
		state state
		want  string
	}{
		{0, good, "agrees to the second"},
		{-2500 * time.Millisecond, good, "it is 2s behind"},
		{30 * time.Second, good, "it is 30s ahead"},
		{-9 * time.Hour, doubtful, "it is 9h0m0s behind"},
		{math.MaxInt64, doubtful, "ahead"},
		{math.MinInt64, doubtful, "behind"},
	} {
		if state, text := compared("it", c.skew); state != c.state || !strings.HasSuffix(text, c.want) {
			t.Errorf("%s: got %s, %q, want %s, %q", c.skew, state, text, c.state, c.want)
		}
	}
}

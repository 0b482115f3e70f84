package intersight

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
)

func show(l session.Limits) string {
	n := func(p *int) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprint(*p)
	}
	d := func(p *time.Duration) string {
		if p == nil {
			return "-"
		}
		return p.String()
	}
	return n(l.Sessions) + " " + n(l.UserSessions) + " " + d(l.IdleTimeout) + " " + d(l.Lifetime)
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want string
	}{
		"the account's among others": {accountLimitsJSON, "128 32 30m0s 16h0m0s"},
		"Permission absent":          {`{"Count":1,"Results":[{"MaximumLimit":5}]}`, "5 - - -"},
		"Permission without Moid":    {`{"Count":1,"Results":[{"MaximumLimit":5,"Permission":{"Moid":""}}]}`, "5 - - -"},
		"Permission inline":          {`{"Count":1,"Results":[{"MaximumLimit":5,"Permission":{"Name":"x","Moid":"p"}}]}`, "- - - -"},
		"only overrides":             {`{"Count":1,"Results":[{"MaximumLimit":5,"Permission":{"Moid":"p"}}]}`, "- - - -"},
		"the first of several":       {`{"Count":2,"Results":[{"MaximumLimit":5},{"MaximumLimit":6}]}`, "5 - - -"},
		"other spellings":            {`{"Results":[{"MaximumLimit":"5","PerUserLimit":6.0,"IdleTimeOut":"60","SessionTimeOut":120.0}]}`, "5 6 1m0s 2m0s"},
		"no sense":                   {`{"Results":[{"MaximumLimit":0,"PerUserLimit":-1,"IdleTimeOut":null,"SessionTimeOut":1e15}]}`, "- - - -"},
		"wrong types":                {`{"Results":[{"MaximumLimit":{},"PerUserLimit":true,"IdleTimeOut":"soon","SessionTimeOut":[5]}]}`, "- - - -"},
		"no rows":                    {`{"Count":0,"Results":null}`, "- - - -"},
		"rows that are none":         {`{"Count":2,"Results":[5,null]}`, "- - - -"},
		"another list":               {`{"ObjectType":"iam.Session.List","Results":[{"MaximumLimit":5}]}`, "- - - -"},
		"HTML":                       {`<html>`, "- - - -"},
		"nothing":                    {`{}`, "- - - -"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeAPI(t, rows(2)...)
			f.limits = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.body) }
			snap := newBench(t, f.url).snapshot(t)
			if got := show(snap.Limits); got != c.want || !snap.Complete {
				t.Errorf("limits %s, want %s", got, c.want)
			}
			const want = limitsPath + "?$select=IdleTimeOut,SessionTimeOut,MaximumLimit,PerUserLimit,Account,Permission&$orderby=Moid&$inlinecount=allpages&$top=1000&$skip=0"
			if got := f.requests(limitsPath); len(got) != 1 || got[0] != want {
				t.Errorf("asked %v; want len 1, [0] %v", got, want)
			}
		})
	}
}

// The account's object may come after a page of overrides.
func TestLimitPages(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	const override = `{"MaximumLimit":5,"Permission":{"Moid":"p"}}`
	f.limits = func(w http.ResponseWriter, r *http.Request) {
		last := override
		if r.URL.Query().Get("$skip") == "4" {
			last = `{"MaximumLimit":9}`
		}
		fmt.Fprintf(w, `{"Count":6,"Results":[%s,%s]}`, override, last)
	}
	if got := show(newBench(t, f.url).snapshot(t).Limits); got != "9 - - -" {
		t.Errorf(`limits %s; want "9 - - -"`, got)
	}
	f.limits = func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Count":1000000,"Results":[%s]}`, override)
	}
	f.forget()
	if got := show(newBench(t, f.url).snapshot(t).Limits); got != "- - - -" || len(f.requests(limitsPath)) != maxLimitPages {
		t.Errorf(`limits %s after %d requests; want "- - - -", %d`, got, len(f.requests(limitsPath)), maxLimitPages)
	}
}

// A failure is logged when it begins, changes and ends, and fails nothing.
func TestLimitsFail(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	good, code := f.limits, 0
	f.limits = func(w http.ResponseWriter, r *http.Request) {
		if code == 0 {
			good(w, r)
			return
		}
		w.WriteHeader(code)
		fmt.Fprint(w, `{"code":"NotSupported","messageId":"iam_invalid_method_operation","traceId":"4bf92f3577b34da6","message":"secret of bob@example.com"}`)
	}
	b := newBench(t, f.url)
	logged := 0
	for i, step := range []struct{ code, logs int }{{0, 0}, {404, 1}, {404, 0}, {405, 0}, {0, 1}, {0, 0}, {403, 1}, {0, 0}} {
		code = step.code
		snap := b.snapshot(t)
		if !snap.Complete || (snap.Limits.Sessions == nil) != (step.code != 0 || i == 7) {
			t.Errorf("step %d: limits %s; want (snap.Limits.Sessions == nil) %v", i, show(snap.Limits), step.code != 0 || i == 7)
		}
		if n := strings.Count(b.logs.String(), "\n"); n != logged+step.logs {
			t.Errorf("step %d: %d lines more, want %d:\n%s", i, n-logged, step.logs, b.logs)
			logged = n
		}
		logged += step.logs
	}
	for _, part := range []string{"level=warn", "NotSupported", "iam_invalid_method_operation", "4bf92f3577b34da6", "404"} {
		if !strings.Contains(b.logs.String(), part) {
			t.Errorf("logs lack %s:\n%s", part, b.logs)
		}
	}
	if strings.Contains(b.logs.String(), "bob") {
		t.Errorf("logs quote the answer:\n%s", b.logs)
	}
	// The 403 backed off the limits' endpoint only, for two minutes.
	f.forget()
	b.clock.Advance(2 * time.Minute)
	if snap := b.snapshot(t); snap.Limits.Sessions == nil || len(f.requests(limitsPath)) != 1 {
		t.Errorf("after the back-off: limits %s by %d requests, want some by 1", show(snap.Limits), len(f.requests(limitsPath)))
	}
}

// Limits that hang cost a moment only.
func TestLimitsHang(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	f.limits = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	b := newBench(t, f.url)
	b.besideWait = minBesideWait
	begin := time.Now()
	snap := b.snapshot(t)
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %s; want at most %s", took, 20*time.Second)
	}
	if !snap.Complete || snap.Limits != (session.Limits{}) || !strings.Contains(b.logs.String(), errLate.Error()) {
		t.Errorf("%+v; want Limits %v\n%s", snap, session.Limits{}, b.logs)
	}
	// Near the deadline they get half of what is left.
	b.besideWait = time.Minute
	if snap, err := b.Snapshot(unhurried{t.Context(), time.Now().Add(time.Second)}, session.Want{}); err != nil || !snap.Complete {
		t.Error(err)
	}
	if n := strings.Count(b.logs.String(), "\n"); n != 1 {
		t.Errorf("%d lines logged; want 1", n)
	}
}

// Where the sessions fail, nothing waits for the limits.
func TestSessionsFailWhileLimitsHang(t *testing.T) {
	f := newFakeAPI(t)
	f.limits = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	f.sessions = answers("<html>")
	b := newBench(t, f.url)
	b.failure(t, session.ReasonDecode)
	if b.logs.String() != "" {
		t.Errorf(`logged %s; want ""`, b.logs)
	}
}

// While the sessions' endpoint is backed off, nothing is sent at all; a back-off
// begins with 401, 403 and 429 and ends with the time asked for.
func TestBackoff(t *testing.T) {
	for _, c := range []struct {
		code    int
		after   string
		reason  session.Reason
		backoff time.Duration
	}{
		{401, "", session.ReasonAuth, 2 * time.Minute},
		{403, "", session.ReasonForbidden, 2 * time.Minute},
		{429, "", session.ReasonRateLimited, 30 * time.Second},
		{429, "90", session.ReasonRateLimited, 90 * time.Second},
		{429, noon.Add(time.Minute).Format(http.TimeFormat), session.ReasonRateLimited, time.Minute},
		{503, "5", session.ReasonRateLimited, 5 * time.Second},
	} {
		t.Run(fmt.Sprint(c.code, c.after), func(t *testing.T) {
			f := newFakeAPI(t, rows(1)...)
			f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.code)
				return true
			}
			b := newBench(t, f.url)
			b.failure(t, c.reason)
			if n := len(f.requests(sessionsPath)); n != 1 {
				t.Errorf("asked %d times; want 1", n)
			}
			f.forget()
			f.sessions = nil
			b.clock.Advance(c.backoff - time.Second)
			for range 50 {
				b.failure(t, c.reason)
			}
			if len(f.asked) != 0 {
				t.Errorf("asked %v while backed off; want len 0", f.asked)
			}
			b.clock.Advance(time.Second)
			b.snapshot(t)
		})
	}
}

// A caller that leaves while the limits are awaited says nothing about them.
func TestCallerLeavesLimits(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	f.limits = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ctx = session.WithTrace(ctx, &session.Trace{Decision: func(string) { cancel() }}) // when all is listed
	b := newBench(t, f.url)
	if snap, err := b.Snapshot(ctx, session.Want{}); err != nil || !snap.Complete {
		t.Errorf("%+v, %v; want it complete", snap, err)
	}
	if logs := b.logs.String(); logs != "" {
		t.Errorf(`logged %s; want ""`, logs)
	}
}

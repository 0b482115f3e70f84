package notify

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// When an alert is sent that is not accepted, and when a request without alerts,
// which has no name here. The alert's next state comes after 72 seconds.
func TestEachAnswerHasItsTimes(t *testing.T) {
	inTen := func(ctx context.Context, _ posted) (*http.Response, error) {
		date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		return reply(429, "Date", date.Format(http.TimeFormat), "Retry-After", date.Add(10*time.Second).Format(http.TimeFormat)), nil
	}
	const (
		backOff = "0 1 3 7 15 31 61 91 121" // after 1, 2, 4, 8, 16, 30 seconds
		once    = "0 72"
	)
	for _, c := range []struct {
		name   string
		answer func(context.Context, posted) (*http.Response, error)
		alert  string // the times of requests with it
		empty  string // and of those without
		up     string
	}{
		{"200", always(200), once, "60", "1"},
		{"202", always(202), once, "60", "1"},
		{"204", always(204), once, "60", "1"},
		{"301", always(301, "Location", "http://elsewhere.example.com/"), once, "60", "0"},
		{"304", always(304), once, "60", "0"},
		{"400", always(400), once, "60", "0"},
		{"401", always(401), once, "60", "0"},
		{"404", always(404, "Retry-After", "5"), once, "60", "0"},
		{"408", always(408), once, "60", "0"},
		{"422", always(422), once, "60", "0"},
		{"429", always(429), backOff, "", "0"},
		{"429, seconds", always(429, "Retry-After", "25"), "0 25 50 75 100 125", "", "0"},
		{"429, a date on its clock", inTen, "0 10 20 30 40 50 60 70 80 90 100 110 120", "", "0"},
		{"429, for long", always(429, "Retry-After", "86400"), "0", "", "0"},
		{"429, nonsense", always(429, "Retry-After", "soon"), backOff, "", "0"},
		{"500", always(500), backOff, "", "0"},
		{"503", always(503), backOff, "", "0"},
		{"599", always(599), backOff, "", "0"},
		{"999", always(999), once, "60", "0"},
		{"refused", down, backOff, "", "0"},
		{"hangs", hang, "0 11 23 37 55 81 121", "", "0"}, // the same, after 10 seconds each
	} {
		t.Run(c.name, func(t *testing.T) {
			inFakeTime(t, func(r *rig, am *fake) {
				r.started()
				am.does(c.answer)
				r.Send([]Alert{firing("u-1", 1)})
				time.Sleep(72 * time.Second)
				r.Send([]Alert{firing("u-1", 2)})
				time.Sleep(53 * time.Second)
				var alert, empty []string
				for _, p := range am.takeAll() {
					at := fmt.Sprint(p.at.Seconds())
					if len(p.alerts) == 0 {
						empty = append(empty, at)
						continue
					}
					alert = append(alert, at)
					if want := map[bool]string{true: "1", false: "2"}[p.at < 72*time.Second]; p.alerts[0].Annotations["version"] != want {
						t.Errorf("at %s: version %s, want %s", at, p.alerts[0].Annotations["version"], want)
					}
				}
				check(t, "with the alert", alert, strings.Fields(c.alert)...)
				check(t, "without alerts", empty, strings.Fields(c.empty)...)
				if got := r.value(`iam_alertmanager_up{alertmanager="am-0:9093"}`); got != c.up || r.Accepting() != (c.up == "1") {
					t.Errorf("up is %q and Accepting %t, want %q", got, r.Accepting(), c.up)
				}
			})
		})
	}
}

// Who asks for no quiet at all gets a second.
func TestRetryAfterNoTime(t *testing.T) {
	for _, value := range []string{"0", "Mon, 01 Jan 1996 00:00:00 GMT"} {
		inFakeTime(t, func(r *rig, am *fake) {
			r.started()
			am.does(always(429, "Retry-After", value))
			r.Send([]Alert{firing("u-1", 1)})
			time.Sleep(3500 * time.Millisecond)
			check(t, value, am.take(), "0 u-1:1", "1 u-1:1", "2 u-1:1", "3 u-1:1")
		})
	}
}

// With nothing to send, a closed way is known at once and found open in time.
func TestEmptyRequestsFindOutAboutTheWay(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		am.does(down)
		r.reload()
		time.Sleep(20 * time.Second)
		check(t, "while it is down", am.take(), "0", "1", "3", "7", "15")
		am.does(nil)
		time.Sleep(3 * time.Minute)
		check(t, "when it is up", am.take(), "31", "91", "151")
		if !r.Accepting() {
			t.Error("it does not accept; want that it does")
		}
	})
}

// An Alertmanager that was away gets the latest state of each alert, once.
func TestNeverABacklog(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		am.does(always(503))
		for v := range 20 {
			r.Send([]Alert{firing("u-1", v), firing("u-2", v)})
			time.Sleep(time.Minute)
		}
		r.Send([]Alert{resolved("u-2", 20)})
		am.take()
		am.does(nil)
		time.Sleep(62 * time.Second)
		got := am.take()
		if len(got) != 2 || !strings.HasSuffix(got[0], " u-1:19 u-2:20") || strings.Contains(got[1], " ") {
			t.Errorf("got %q, want one request with u-1:19 and u-2:20, and one without alerts", got)
		}
	})
}

// What nobody needs any more is not sent: firing ones after their end, resolved ones
// a quarter of an hour after it. Nor is it kept.
func TestWhatIsOverIsForgotten(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		am.does(always(500))
		long := firing("u-long", 1)
		r.Send([]Alert{firing("u-firing", 1), resolved("u-resolved", 1), long})
		sent := func() string { return strings.Join(am.take(), ";") }
		for _, step := range []struct {
			until time.Duration // since the start
			want  []string
		}{
			{14*time.Minute + 55*time.Second, []string{"u-firing", "u-long", "u-resolved"}},
			{29*time.Minute + 55*time.Second, []string{"u-firing", "u-long"}},
			{31 * time.Minute, nil},
		} {
			time.Sleep(step.until - time.Since(am.begin) - 40*time.Second)
			am.take()
			time.Sleep(40 * time.Second)
			got := sent()
			for _, subject := range []string{"u-firing", "u-long", "u-resolved"} {
				if want := slices.Contains(step.want, subject); strings.Contains(got, subject) != want {
					t.Errorf("before %s: %q; %s in it should be %t", step.until, got, subject, want)
				}
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(forgetEvery)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.current) != 0 || r.forget != nil {
			t.Errorf("%d alerts are remembered, timer %v; want none", len(r.current), r.forget)
		}
		for _, l := range r.loops {
			if len(l.owed.order) != 0 || len(l.owed.states) != 0 {
				t.Errorf("%d alerts are owed; want none", len(l.owed.order))
			}
		}
	})
}

// Without Alertmanagers nothing stays in memory either.
func TestLookingOnlyForgets(t *testing.T) {
	inFakeTime(t, func(r *rig, _ *fake) {
		r.config.Alertmanagers = nil
		r.reload()
		r.Send([]Alert{firing("u-1", 1)})
		time.Sleep(32 * time.Minute)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.current) != 0 {
			t.Errorf("%d alerts are remembered; want none", len(r.current))
		}
	})
}

// A state that comes while another one of the same alert is under way is sent, too.
func TestAStateThatComesMeanwhile(t *testing.T) {
	for _, status := range []int{200, 400, 500} {
		inFakeTime(t, func(r *rig, am *fake) {
			r.started()
			am.does(func(_ context.Context, p posted) (*http.Response, error) {
				time.Sleep(4 * time.Second)
				if p.at < 5*time.Second {
					return reply(status), nil
				}
				return reply(200), nil
			})
			r.Send([]Alert{firing("u-1", 1)})
			time.Sleep(time.Second)
			r.Send([]Alert{firing("u-1", 2)})
			time.Sleep(30 * time.Second)
			want := []string{"0 u-1:1", "4 u-1:2"}
			if status == 500 {
				want[1] = "5 u-1:2"
			}
			check(t, fmt.Sprint("after a ", status), am.take(), want...)
		})
	}
}

func TestRequestsAreBounded(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		var many []Alert
		for i := range 200 {
			many = append(many, firing(fmt.Sprintf("u-%03d", i), 1))
		}
		r.Send(many)
		var sizes []int
		seen := map[string]int{}
		for _, p := range am.takeAll() {
			sizes = append(sizes, len(p.alerts))
			for _, a := range p.alerts {
				seen[a.Labels["subject"]]++
			}
		}
		if want := []int{64, 64, 64, 8}; !slices.Equal(sizes, want) || len(seen) != 200 {
			t.Errorf("requests of %v alerts, %d different ones; want %v and 200", sizes, len(seen), want)
		}
	})
}

// What inhibits others is there before them.
func TestSeveritiesGoApart(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		var all []Alert
		for i := range 3 {
			for _, severity := range []string{"critical", "warning"} {
				a := firing(fmt.Sprintf("u-%d-%s", i, severity), 1)
				a.Labels["severity"] = severity
				all = append(all, a)
			}
		}
		r.Send(all)
		time.Sleep(time.Second) // in between, what was accepted comes to inhibit
		want := []string{"0 u-0-critical:1 u-1-critical:1 u-2-critical:1", "0.25 u-0-warning:1 u-1-warning:1 u-2-warning:1"}
		if got := am.take(); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// What inhibits an alert ends after it: of resolved alerts the least severe go first,
// also if what fires stands before them.
func TestTheLeastSevereIsResolvedFirst(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		var all []Alert
		for i, severity := range []string{"critical", "warning", "info"} {
			a := firing(fmt.Sprintf("u-%d-%s", i, severity), 1)
			a.Labels["severity"] = severity
			a.EndsAt = time.Now()
			all = append(all, a)
		}
		begins := firing("u-3-warning", 1)
		begins.Labels["severity"] = "warning"
		r.Send(append([]Alert{begins}, all...))
		time.Sleep(time.Second)
		got := am.take()
		order := []string{"u-3-warning", "u-2-info", "u-1-warning", "u-0-critical"}
		if len(got) != len(order) {
			t.Fatalf("got requests %q, want one for each of %q", got, order)
		}
		for i, subject := range order {
			if !strings.Contains(got[i], subject) {
				t.Errorf("request %d: got %q, want %s", i, got[i], subject)
			}
		}
	})
}

// Alerts share a request up to its size to the byte. What is larger is not sent,
// and that is logged once.
func TestRequestsAreBoundedInBytes(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		sized := func(subject string, bytes int) Alert {
			a := firing(subject, 1)
			s, err := encode(a, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			a.Annotations["user"] += strings.Repeat("x", bytes-len(s.body))
			return a
		}
		const half = (maxBytes - len("[,]")) / 2
		const rest = maxBytes - len("[,]") - half
		r.Send([]Alert{sized("u-1", half), sized("u-2", rest)})
		r.Send([]Alert{sized("u-3", half), sized("u-4", rest+1)})
		r.Send([]Alert{sized("u-5", maxBytes-len("[]"))})
		for range 3 {
			r.Send([]Alert{sized("u-6", maxBytes-len("[]")+1), firing("u-7", 1)})
		}
		var sent []string
		for _, p := range am.takeAll() {
			var subjects []string
			for _, a := range p.alerts {
				subjects = append(subjects, a.Labels["subject"])
			}
			sent = append(sent, fmt.Sprint(p.bytes, subjects))
		}
		check(t, "requests", slices.Clip(sent[:4]), fmt.Sprint(maxBytes, " [u-1 u-2]"), fmt.Sprint(half+2, " [u-3]"), fmt.Sprint(rest+3, " [u-4]"), fmt.Sprint(maxBytes, " [u-5]"))
		if text := strings.Join(sent, ""); strings.Contains(text, "u-6") || !strings.Contains(text, "u-7") {
			t.Errorf("sent %q; want u-7 in it and not u-6", sent)
		}
		if got := r.lines("too large"); len(got) != 1 || !strings.Contains(got[0], "alerts=1") {
			t.Errorf("%q in the log, want one line about 1 alert", got)
		}
	})
}

// An alert that an Alertmanager can't take does not stop the others.
func TestOneThatAlwaysFailsDoesNotStopTheOthers(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		accepted := map[string]bool{}
		am.does(func(_ context.Context, p posted) (*http.Response, error) {
			for _, a := range p.alerts {
				if a.Labels["subject"] == "u-000" {
					return reply(500), nil
				}
			}
			for _, a := range p.alerts {
				accepted[a.Labels["subject"]] = true
			}
			return reply(200), nil
		})
		var many []Alert
		for i := range 3 * maxAlerts {
			many = append(many, firing(fmt.Sprintf("u-%03d", i), 1))
		}
		r.Send(many)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got, want := len(accepted), 2*maxAlerts; got != want {
			t.Errorf("%d alerts accepted, want the %d that are not in its request", got, want)
		}
	})
}

// One that hangs keeps neither another one nor who sends waiting.
func TestEachAlertmanagerByItself(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		other := r.add("http://am-1:9093/behind/a/proxy/")
		r.started()
		am.does(hang)
		for v := range 3 {
			begin := time.Now()
			r.Send([]Alert{firing("u-1", v)})
			if took := time.Since(begin); took != 0 {
				t.Errorf("Send took %s, want no time", took)
			}
			time.Sleep(2 * time.Second)
		}
		check(t, "the other one", other.take(), "0 u-1:0", "2 u-1:1", "4 u-1:2")
		check(t, "the one that hangs", am.take(), "0 u-1:0")
		for series, want := range map[string]string{
			`iam_alertmanager_up{alertmanager="am-1:9093/behind/a/proxy"}`: "1", `iam_alertmanager_alerts_sent_total{alertmanager="am-1:9093/behind/a/proxy"}`: "3",
			`iam_alertmanager_up{alertmanager="am-0:9093"}`: "1", `iam_alertmanager_alerts_sent_total{alertmanager="am-0:9093"}`: "0",
		} {
			if got := r.value(series); got != want {
				t.Errorf("%s is %q, want %q", series, got, want)
			}
		}
	})
}

// The status decides, whatever comes after it, and little of it is read.
func TestBodiesAreNotWaitedForLong(t *testing.T) {
	for name, body := range map[string]func(context.Context) *endless{
		"slow": func(ctx context.Context) *endless { return &endless{ctx: ctx, pause: time.Minute} },
		"huge": func(ctx context.Context) *endless { return &endless{ctx: ctx} },
	} {
		inFakeTime(t, func(r *rig, am *fake) {
			r.started()
			var last *endless
			am.does(func(ctx context.Context, _ posted) (*http.Response, error) {
				res := reply(200)
				last = body(ctx)
				res.Body = last
				return res, nil
			})
			r.Send([]Alert{firing("u-1", 1)})
			time.Sleep(11 * time.Second)
			check(t, name, am.take(), "0 u-1:1")
			if !last.closed || last.read > maxAnswer {
				t.Errorf("%s: closed %t after %d bytes; want true after %d at most", name, last.closed, last.read, maxAnswer)
			}
			if got := r.value(`iam_alertmanager_alerts_sent_total{alertmanager="am-0:9093"}`); got != "1" {
				t.Errorf("%s: %q alerts accepted, want 1", name, got)
			}
		})
	}
}

// endless is a body without an end.
type endless struct {
	ctx    context.Context
	pause  time.Duration
	read   int
	closed bool
}

func (e *endless) Read(p []byte) (int, error) {
	select {
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	case <-time.After(e.pause):
	}
	e.read += len(p)
	return len(p), nil
}

func (e *endless) Close() error {
	e.closed = true
	return nil
}

func TestStop(t *testing.T) {
	failing := func(r *rig, am *fake) {
		am.does(always(503))
		r.Send([]Alert{firing("u-1", 1)})
		time.Sleep(40 * time.Second) // waits until 61
	}
	for _, c := range []struct {
		name   string
		before func(*rig, *fake)
		took   time.Duration
		want   []string // requests from then on
		log    string
	}{
		{"nothing waits", func(*rig, *fake) {}, 0, nil, ""},
		{"one waits", func(r *rig, am *fake) { r.Send([]Alert{firing("u-1", 1)}) }, 0, []string{"0 u-1:1"}, ""},
		{"it works again", func(r *rig, am *fake) { failing(r, am); am.does(nil) }, 0, []string{"40 u-1:1"}, ""},
		{"it fails", failing, 5 * time.Second, []string{"40 u-1:1", "41 u-1:1", "43 u-1:1"}, "alerts=1"},
		{"it hangs", func(r *rig, am *fake) { am.does(hang); r.Send([]Alert{firing("u-1", 1)}) }, 5 * time.Second, []string{"0 u-1:1"}, "alerts=1"},
		{"it refuses", func(r *rig, am *fake) { am.does(always(400)); r.Send([]Alert{firing("u-1", 1)}) }, 0, []string{"0 u-1:1"}, ""},
		{"it asks for quiet", func(r *rig, am *fake) {
			am.does(always(429, "Retry-After", "100"))
			r.Send([]Alert{firing("u-1", 1)})
			am.take()
		}, 5 * time.Second, nil, "alerts=1"},
		{"it hangs without alerts", func(r *rig, am *fake) {
			am.does(hang)
			time.Sleep(65 * time.Second)
			am.take()
		}, 0, nil, ""},
		{"alerts wait behind one that hangs without", func(r *rig, am *fake) {
			am.does(func(ctx context.Context, p posted) (*http.Response, error) {
				if len(p.alerts) == 0 {
					return hang(ctx, p)
				}
				return reply(200), nil
			})
			time.Sleep(65 * time.Second)
			am.take()
			r.Send([]Alert{firing("u-1", 1)})
		}, 0, []string{"65 u-1:1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inFakeTime(t, func(r *rig, am *fake) {
				r.started()
				c.before(r, am)
				synctest.Wait()
				am.mu.Lock()
				am.got = slices.DeleteFunc(am.got, func(p posted) bool { return p.at < time.Since(am.begin) })
				am.mu.Unlock()
				begin := time.Now()
				r.Stop(r.t.Context())
				if took := time.Since(begin); took != c.took {
					t.Errorf("took %s, want %s", took, c.took)
				}
				check(t, "when it stops", am.take(), c.want...)
				if got := r.lines("not delivered"); (len(got) == 1) != (c.log != "") || c.log != "" && !strings.Contains(got[0], c.log) {
					t.Errorf("%q in the log, want one line with %q", got, c.log)
				}
				r.Send([]Alert{firing("u-2", 1)})
				r.reload()
				time.Sleep(time.Hour)
				check(t, "afterwards", am.take())
			})
		})
	}
}

// Who stops the notifier can give up sooner.
func TestStopEndsWithItsContext(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		am.does(hang)
		r.Send([]Alert{firing("u-1", 1)})
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		r.Stop(ctx)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("took %s, want 1s", took)
		}
	})
}

type panicking struct{}

func (panicking) RoundTrip(*http.Request) (*http.Response, error) { panic("a token") }

// A panic is an error, which does not say what the panic did.
func TestAPanicOfATry(t *testing.T) {
	a := Alertmanager{URL: "http://am.example.com", Timeout: time.Second}
	_, err := Try(t.Context(), a, Options{Transport: func(Alertmanager) (http.RoundTripper, error) { return panicking{}, nil }})
	if err == nil || strings.Contains(err.Error(), "token") {
		t.Errorf("got %v, want an error without the message", err)
	}
}

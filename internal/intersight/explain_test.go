package intersight

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/testkit"
)

func TestExplain(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for name, c := range map[string]struct {
		header string // x-starship-traceid
		body   string
		says   []string
	}{
		"bad key or clock": {"", `{"code":"AuthenticationFailure","message":"m","messageId":"iam_api_key_is_invalid","traceId":"` + trace + `"}`,
			[]string{"code AuthenticationFailure", "messageId iam_api_key_is_invalid", "traceId " + trace, "clock", "host", "key", "encoding"}},
		"no Authorization": {"", `{"code":"AuthenticationFailure","messageId":"iam_cookie_invalid","messageParams":{"1":"X-Starship-Token"}}`,
			[]string{"iam_cookie_invalid", "Authorization header did not arrive", "proxy or redirect"}},
		"another 401":          {"", `{"code":"AuthenticationFailure"}`, []string{"clock", "key"}},
		"keys in another case": {"", `{"Code":"NotFound","MESSAGEID":"iam_cookie_invalid"}`, []string{"code NotFound", "iam_cookie_invalid"}},
		"a mark before it":     {"", "\ufeff" + `{"code":"NotFound"}`, []string{"code NotFound"}},
		"trace in the header":  {trace[:16], `{"code":"NotFound"}`, []string{"code NotFound", "traceId " + trace[:16]}},
		"trace without body":   {trace, ``, []string{"traceId " + trace}},
		"HTML":                 {"", ` <html>`, []string{"HTML", "proxy"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := explain(http.Header{"X-Starship-Traceid": {c.header}}, []byte(c.body))
			for _, s := range c.says {
				if !strings.Contains(got, s) {
					t.Errorf("%q lacks %q", got, s)
				}
			}
			if len(got) > 400 {
				t.Errorf("%d bytes; want at most 400", len(got))
			}
		})
	}
}

// An error answer may repeat anything, in any field. What is no known word or trace
// id is not shown.
func TestEchoesAreNotExplained(t *testing.T) {
	for _, echo := range []string{"bob@example.com", "bob", "Administrator", "a b", "x\\ny", "é", "\u0000",
		"66c44e537375732d30a1b2c3",                                 // a session's id
		"59c84e4a16267c0001c23428/59cc595416267c0001a0dfc7",        // parts of a key's
		"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl",     // a token
		"zHDFd14jBvtLVtzIN-wrgUQ1Fo3SG2PVj4KnkT2uMOyYnM2ku0n1Kg==", // how the service writes trace ids, and tokens
		strings.Repeat("0123456789abcdef", 4), "deadbeef", "4bf92f3577b34da6a3ce929d0e0e473", "g" + strings.Repeat("0", 31), "AuthenticationFailure2"} {
		header := http.Header{"X-Starship-Traceid": {echo}, "Content-Type": {"text/" + echo}}
		body := fmt.Sprintf(`{"code":"%[1]s","messageId":"%[1]s","traceId":"%[1]s","message":"'%[1]s'","messageParams":{"1":"%[1]s"},"cause":"%[1]s"}`, echo)
		for _, b := range []string{body, echo, `"` + echo + `"`, `{"code":["` + echo + `"],"traceId":{"a":"` + echo + `"}}`} {
			if got := explain(header, []byte(b)); got != "" {
				t.Errorf(`%s: %q; want ""`, b, got)
			}
		}
	}
	for _, body := range []string{``, `{}`, `[]`, `"x"`, `{"code":5,"messageId":{},"traceId":null}`, `plain words`} {
		if got := explain(http.Header{}, []byte(body)); got != "" {
			t.Errorf(`%s: %q; want ""`, body, got)
		}
	}
}

// A 401 says what to check even where its answer says nothing.
func TestUnexplained401(t *testing.T) {
	f := newFakeAPI(t)
	body := ""
	f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, body)
		return true
	}
	b := newBench(t, f.url)
	for range 2 { // as refused, and as backed off
		if err := b.failure(t, session.ReasonAuth); !strings.Contains(err.Error(), "401") || strings.Count(err.Error(), "clock") != 1 {
			t.Errorf("%v", err)
		}
	}
	body = `{"messageId":"iam_cookie_invalid"}`
	b.clock.Advance(time.Hour)
	for range 2 {
		if err := b.failure(t, session.ReasonAuth); strings.Contains(err.Error(), "clock") || strings.Count(err.Error(), "Authorization header") != 1 {
			t.Errorf("%v", err)
		}
	}
}

func TestRedirectIsAnError(t *testing.T) {
	f := newFakeAPI(t, rows(1)...)
	f.sessions = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
		return true
	}
	newBench(t, f.url).failure(t, session.ReasonHTTP)
	if got := f.requests("/elsewhere"); len(got) != 0 {
		t.Errorf("followed: %v; want len 0", got)
	}
}

// Whatever an API answers, none of it that could tell of users or tokens shows
// up in errors, logs or traces.
func TestCanaries(t *testing.T) {
	const canary = "canary-7f3a"
	mail := canary + "@example.com"
	secret := writeFile(t, "secret", canary+"-secret")
	rowWith := fmt.Sprintf(`{"Moid":"%[1]s","UserIdOrEmail":"%[2]s","Role":"%[2]s","User":{"Moid":"%[1]s","Email":"%[2]s"},"ClientIpAddress":"%[1]s","SessionId":"%[1]s"}`, canary, mail)
	refusal := fmt.Sprintf(`{"code":"no %[1]s","message":"'%[2]s' %[2]s","messageId":"%[2]s","messageParams":{"1":"%[2]s"},"cause":"%[1]s","traceId":"%[2]s"}`, canary, mail)
	for name, body := range map[string]string{
		"good":              list(1, true, []string{rowWith}),
		"incomplete":        list(2, true, []string{rowWith}),
		"no Moid":           list(2, true, []string{rowWith, strings.Replace(rowWith, `"Moid":`, `"moid":`, 1)}),
		"truncated":         list(1, true, []string{rowWith})[:150],
		"HTML":              "<html>" + mail + "</html>",
		"a string":          `"` + mail + `"`,
		"another type":      `{"ObjectType":"` + mail + `","Results":[]}`,
		"a count of sorts":  `{"Count":"` + mail + `","Results":[]}`,
		"results of a sort": `{"Count":1,"Results":"` + mail + `"}`,
		"refusal":           refusal,
		"text":              mail,
	} {
		for _, code := range []int{200, 302, 400, 401, 403, 404, 429, 500, 503} {
			t.Run(fmt.Sprint(name, code), func(t *testing.T) {
				f := newFakeAPI(t)
				answer := func(w http.ResponseWriter) {
					w.Header().Set("X-Starship-Traceid", mail)
					w.Header().Set("Location", "https://"+canary)
					w.Header().Set("Retry-After", mail)
					w.WriteHeader(code)
					fmt.Fprint(w, body)
				}
				f.sessions = func(_ int, w http.ResponseWriter, _ *http.Request) bool { answer(w); return true }
				f.limits = func(w http.ResponseWriter, _ *http.Request) { answer(w) }
				b := newBench(t, f.url, func(c *Config) {
					c.HTTP = promconfig.HTTPClientConfig{BasicAuth: &promconfig.BasicAuth{Username: canary, PasswordFile: secret}}
				})
				var trace testkit.Buffer
				ctx, cancel := context.WithTimeout(session.WithTrace(context.Background(), &session.Trace{
					Request:  func(r session.Request) { fmt.Fprintln(&trace, r.What, r.Code, r.Err) },
					Decision: func(d string) { fmt.Fprintln(&trace, d) },
				}), 200*time.Millisecond)
				defer cancel()
				for range 2 {
					_, err := b.Snapshot(ctx, session.Want{})
					fmt.Fprintf(&trace, "%v %+v\n", err, err)
				}
				if s := trace.String() + b.logs.String(); strings.Contains(s, canary) {
					t.Errorf("shown:\n%s", s)
				}
			})
		}
	}
}

// What a refresh did can be followed in its trace.
func TestTrace(t *testing.T) {
	f := newFakeAPI(t, rows(15)...)
	f.pageCap = 10
	var trace testkit.Buffer
	ctx := session.WithTrace(context.Background(), &session.Trace{
		Request:  func(r session.Request) { fmt.Fprintln(&trace, r.Code, r.What) },
		Decision: func(d string) { fmt.Fprintln(&trace, d) },
	})
	if _, err := newBench(t, f.url).Snapshot(ctx, session.Want{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"200 GET /api/v1/iam/Sessions from row 0\n", "200 GET /api/v1/iam/Sessions from row 9\n",
		"200 GET /api/v1/iam/SessionLimits from row 0\n", "sessions: 2 pages, 15 sessions, Count 15, complete true\n"} {
		if strings.Count(trace.String(), want) != 1 {
			t.Errorf("%q is there %d times, want once\n%s", want, strings.Count(trace.String(), want), trace.String())
		}
	}
}

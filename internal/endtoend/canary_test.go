package endtoend

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/expfmt"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
	"iam_session_exporter/internal/testkit"
	"iam_session_exporter/internal/web"
)

// canaries collects what must never get out.
type canaries []string

func (c canaries) look(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range c {
		if len(secret) >= 6 && strings.Contains(text, secret) {
			t.Errorf("%s tells %q", where, secret)
		}
	}
}

func (r *rig) text() string {
	r.t.Helper()
	g, err := r.collector.Scrape(r.t.Context(), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	families, err := g.Gather()
	if err != nil {
		return err.Error()
	}
	var b bytes.Buffer
	for _, format := range []expfmt.FormatType{expfmt.TypeTextPlain, expfmt.TypeOpenMetrics, expfmt.TypeProtoText} {
		enc := expfmt.NewEncoder(&b, expfmt.NewFormat(format))
		for _, f := range families {
			if err := enc.Encode(f); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	return b.String()
}

// served is a rig as the web package wants it.
type served struct{ r *rig }

func (s served) Collector() *collector.Collector { return s.r.collector }
func (s served) Config() *config.Config {
	return &config.Config{Sources: []config.Source{{Name: "test", API: s.r.api, URL: s.r.url, HTTP: s.r.http}}}
}
func (s served) Reload() error                  { return nil }
func (s served) Firing() []detection.Firing     { return nil }
func (s served) LastReload() (time.Time, error) { return time.Time{}, nil }

// pages are what the HTTP side says of a rig.
func (r *rig) pages() map[string]string {
	r.t.Helper()
	h := web.New(web.Options{Exporter: served{r}, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics", Now: r.world.Now, Logger: log.NewLogfmtLogger(r.log)})
	pages := map[string]string{}
	for _, path := range []string{"/", "/sd", "/config", "/metrics", "/probe?source=test", "/probe?source=test&debug=true", "/probe?source=nobody"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		pages[path] = rec.Body.String()
	}
	return pages
}

// leakyFaults are answers that carry secrets in every place an answer has.
func leakyFaults(secret string) []faults.Effect {
	var all []faults.Effect
	for _, code := range []int{200, 204, 302, 400, 401, 403, 404, 418, 429, 500, 503} {
		for _, body := range []string{
			secret,
			"<html><body>" + secret + "</body></html>",
			// code, messageId and traceId are meant for the log.
			`{"code":"AuthenticationFailure","messageId":"iam_api_key_is_invalid","message":"` + secret + `","messageParams":{"1":"` + secret + `"},"cause":"` + secret + `"}`,
			`{"code":"user ` + secret + `","messageId":["` + secret + `"],"traceId":{"a":"` + secret + `"}}`,
			`{"error":"` + secret + `","error_description":"` + secret + `"}`,
			`{"totalRecords":"` + secret + `","sessions":[{"userId":"` + secret + `"}]}`,
			`{"totalRecords":1,"sessions":[{"userId":"` + secret + `","sessionId":"` + secret + `","clientIp":"` + secret + `"},{"userId":7}]}`,
			`{"Count":1,"Results":[{"Moid":"` + secret + `","SessionId":"` + secret + `","UserIdOrEmail":"` + secret + `","CreateTime":"` + secret + `","User":{"Moid":"` + secret + `"}}]}`,
			`{"Count":"` + secret + `","Results":{"` + secret + `":1}}`,
			`<SessionResults><totalRecords>` + secret + `</totalRecords><` + secret + `/></SessionResults>`,
		} {
			all = append(all, faults.Answer(code, "text/"+secret, body,
				"Location", "https://"+secret+".example.com/", "Retry-After", secret,
				"WWW-Authenticate", secret, "Set-Cookie", "JSESSIONID="+secret, "Content-Location", secret))
		}
	}
	return all
}

// Secrets, tokens, users and session ids are planted everywhere; no metric, log
// line at debug level or error tells one. It takes long, as each answer is one that
// may tell; with -short, an eighth of them must do.
func TestNothingSecretGetsOut(t *testing.T) {
	const marker = "CaNaRy7f3a"
	for _, api := range []session.API{session.Intersight, session.OAM} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			c := world.DefaultConfig()
			c.Warmup, c.Intersight.Linger, c.Intersight.BruteForce = 8*time.Hour, time.Hour, time.Hour
			c.OAM.Sessions = 20
			w := world.New(c)
			var iopt simintersight.Options
			oopt := simoam.Options{Users: map[string]string{"monitor": marker + "password"}, Form: simoam.Form{Extra: true, RoleAttribute: "role"}}
			iopt.Clients = map[string]string{"client": marker + "secret"}
			r := newRig(t, api, w, iopt, oopt)
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte(marker+map[session.API]string{session.Intersight: "secret", session.OAM: "password"}[api]+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if api == session.OAM {
				r.http.BasicAuth = &promconfig.BasicAuth{Username: "monitor", PasswordFile: secret}
			}
			starts := []func(){func() {}}
			if api == session.Intersight {
				starts = append(starts, func() {
					r.key, r.keyID = "", ""
					r.http.OAuth2 = &promconfig.OAuth2{ClientID: "client", ClientSecretFile: secret, TokenURL: r.url + "/iam/token"}
				})
			}
			for _, begin := range starts {
				begin()
				r.start()
				birds := canaries{marker}
				if r.key != "" {
					pem, err := os.ReadFile(r.key)
					if err != nil {
						t.Fatal(err)
					}
					birds = append(birds, strings.Split(strings.TrimSpace(string(pem)), "\n")[1])
				}
				look := func(where string, pages bool) {
					t.Helper()
					text := r.text()
					for _, s := range w.Truth(api) {
						birds = append(birds, s.ID, s.User, s.UserMoid)
					}
					birds.look(t, where+": the exposition", text)
					birds.look(t, where+": the log", r.log.String())
					if !pages { // they take a scrape each
						return
					}
					for path, page := range r.pages() {
						birds.look(t, where+": "+path, page)
					}
				}
				look("well", true)
				if out := r.scrape(); out.value("iam_source_up") != 1 {
					t.Fatalf("not up\n%s", r.log)
				}
				for i, e := range leakyFaults(marker) {
					if testing.Short() && i%8 != 0 {
						continue
					}
					r.faults.Set(faults.Fault{Effect: e})
					look(fmt.Sprint("fault ", i), i%4 == 0)
					w.Step(16 * time.Minute)
				}
				r.faults.Set(faults.Fault{Path: "/api", Effect: faults.Status(401)})
				look("refused", true)
				r.faults.Clear()
				if err := os.Rename(secret, secret+"x"); err != nil {
					t.Fatal(err)
				}
				w.Step(16 * time.Minute)
				look("secret gone", true)
				if err := os.Rename(secret+"x", secret); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A server that is not even HTTP, and repeats what it was sent.
func TestNothingSecretGetsOutOfRawConnections(t *testing.T) {
	const marker = "CaNaRy7f3a"
	r := rand.New(rand.NewPCG(1, 1))
	answers := []string{
		marker, marker + "\r\n\r\n", "HTTP/1.1 " + marker + "\r\n\r\n", "HTTP/1.1 2x0 " + marker + "\r\n\r\n", "HTTP/1.1 200 OK\r\n" + marker + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" + marker + ": x\r\nContent-Length: " + marker + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + marker + "\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + marker + "\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: " + marker + "\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + marker,
		"HTTP/1.1 301 x\r\nLocation: ://" + marker + "\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 101 Switching\r\nUpgrade: " + marker + "\r\n\r\n",
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(answers[r.IntN(len(answers))]))
	}))
	defer server.Close()
	for _, api := range []session.API{session.Intersight, session.OAM} {
		rig := newRig(t, api, world.New(world.DefaultConfig()), simintersight.Options{}, simoam.Options{})
		rig.url = server.URL
		rig.change = func(o *collector.Options) { o.Timeout = time.Second }
		rig.start()
		for range 30 {
			canaries{marker}.look(t, "exposition", rig.text())
		}
		canaries{marker}.look(t, "log", rig.log.String())
	}
}

// A panic of what asks an API, beside other requests or not, costs a refresh. Its
// message, which may have a name or a token, appears nowhere.
func TestAPanicOfARequestTellsNothing(t *testing.T) {
	const marker = "CaNaRy7f3a"
	for api, in := range map[session.API]string{session.Intersight: "intersight.(*endpoint).fetch", session.OAM: "oam.(*client).search"} {
		t.Run(string(api), func(t *testing.T) {
			w := world.New(world.DefaultConfig())
			r := newRigOf(t, api, w)
			var panics atomic.Bool
			r.now = func() time.Time {
				if panics.Load() && testkit.Calls(in) {
					panic(marker)
				}
				return w.Now()
			}
			r.start()
			for _, up := range []float64{1, 0, 1} {
				panics.Store(up == 0)
				if got := r.scrape().value("iam_source_up"); got != up {
					t.Errorf("up %v, want %v\n%s", got, up, r.log)
				}
				text := r.text() + r.log.String()
				for _, page := range r.pages() {
					text += page
				}
				canaries{marker}.look(t, "pages, metrics and the log", text)
				w.Step(16 * time.Minute)
			}
			if text := r.log.String(); !strings.Contains(text, "Bug: ") || !strings.Contains(text, "canary_test.go") {
				t.Errorf("logged %q, want where it panicked", text)
			}
		})
	}
}

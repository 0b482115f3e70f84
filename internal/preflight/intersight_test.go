package preflight

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	"iam_session_exporter/internal/simulator/world"
)

// A table of what Intersight, and what stands before it, may do. The golden file
// has what is printed for each, and how many requests that took.
func TestIntersight(t *testing.T) {
	set := func(change func(*simintersight.Options)) func(*rig) { return func(r *rig) { r.inter.Set(change) } }
	no := func(paths ...string) func(*rig) {
		return set(func(o *simintersight.Options) { o.NoScope = paths })
	}
	fault := func(e faults.Effect) func(*rig) { return func(r *rig) { r.faults.Set(faults.Fault{Effect: e}) } }
	token := func(e faults.Effect) func(*rig) {
		return func(r *rig) { r.faults.Set(faults.Fault{Path: simintersight.PathToken, Effect: e}) }
	}
	const oauth = "oauth2: {client_id: client, client_secret_file: secret}"
	cases := []struct {
		name     string
		sessions int // 0: 40
		change   func(*rig)
		settings
	}{
		{name: "all is well"},
		{name: "more than a page", sessions: 1200},
		{name: "may not read sessions", change: no(simintersight.PathSessions)},
		{name: "may not read users", change: no(simintersight.PathUsers)},
		{name: "may read sessions only", change: no(simintersight.PathSessionLimits, simintersight.PathUsers, simintersight.PathIdps, simintersight.PathIdpReferences)},
		{name: "no users wanted", settings: settings{more: "identity_providers: false"}},
		{name: "users are listed empty", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: simintersight.PathUsers, Effect: faults.JSON(`{"ObjectType":"iam.User.List","Count":0,"Results":[]}`)})
		}},
		{name: "limits are listed empty", change: set(func(o *simintersight.Options) { o.LimitsAbsent = true })},
		{name: "slow", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: simintersight.PathSessions, Effect: faults.Latency(1600 * time.Millisecond)})
		}, settings: settings{timeout: "3s"}},
		{name: "no session", sessions: -1},
		{name: "no session fits the filter", settings: settings{more: `filter: {role: "None has this"}`}},
		{name: "sessions of the user of the API key only", sessions: -1, change: func(r *rig) {
			r.world.AddN(session.Intersight, 12, func(_ int, s *world.Session) {
				s.User, s.UserMoid, s.ClientIP = "alone@example.com", strings.Split(simintersight.KeyID, "/")[1], "192.0.2.77"
			})
		}},
		{name: "sessions of another user only", sessions: -1, change: func(r *rig) { r.world.AddN(session.Intersight, 3, world.Same("alone@example.com", "", "192.0.2.77")) }},
		{name: "a list that the build does not have", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: simintersight.PathIdpReferences, Effect: faults.Answer(http.StatusForbidden, "text/plain", `{"code":"InvalidUrl"}`)})
		}},
		{name: "API key with another secret", settings: settings{auth: "api_key: {id: " + simintersight.KeyID + ", secret_key_file: other.pem}"}},
		{name: "API key that is not known", settings: settings{auth: "api_key: {id: " + "000000000000000000000000" + simintersight.KeyID[24:] + ", secret_key_file: key.pem}"}},
		{name: "clock ten minutes behind", change: set(func(o *simintersight.Options) { o.Skew = 10 * time.Minute })},
		{name: "clock two minutes ahead", change: set(func(o *simintersight.Options) { o.Skew = -2 * time.Minute })},
		{name: "no clock", change: set(func(o *simintersight.Options) { o.NoDate = true })},
		{name: "Authorization removed on the way", change: fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Del("Authorization")
			next.ServeHTTP(w, r)
		})},
		{name: "OAuth2", settings: settings{auth: oauth}},
		{name: "OAuth2 without a scope", change: no(simintersight.PathUsers, simintersight.PathIdps), settings: settings{auth: oauth}},
		{name: "OAuth2 without the scope of sessions", change: no(simintersight.PathSessions), settings: settings{auth: oauth}},
		{name: "OAuth2 with a wrong secret", settings: settings{auth: "oauth2: {client_id: client, client_secret_file: wrong}"}},
		{name: "OAuth2 with scopes that are not granted", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: simintersight.PathToken, Effect: faults.Answer(http.StatusBadRequest, "application/json", `{"error":"invalid_scope"}`)})
		}, settings: settings{auth: oauth}},
		{name: "OAuth2 with another kind of grant than the endpoint's", change: token(faults.Answer(http.StatusBadRequest, "application/json", `{"error":"unsupported_grant_type"}`)), settings: settings{auth: oauth}},
		{name: "OAuth2 with a login page for a token endpoint", change: token(faults.LoginPage()), settings: settings{auth: oauth}},
		{name: "OAuth2 with a token endpoint elsewhere", change: token(faults.Redirect("https://login.example.com/")), settings: settings{auth: oauth}},
		{name: "OAuth2 token that the API refuses", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: "/api", Effect: func(w http.ResponseWriter, q *http.Request, next http.Handler) {
				r.inter.RevokeTokens()
				next.ServeHTTP(w, q)
			}})
		}, settings: settings{auth: oauth}},
		{name: "OAuth2 at a wrong token_url", settings: settings{auth: `oauth2: {client_id: client, client_secret_file: secret, token_url: "URL/nowhere"}`}},
		{name: "OAuth2 with a token endpoint that is not there", settings: settings{auth: `oauth2: {client_id: client, client_secret_file: secret, token_url: "http://127.0.0.1:1/iam/token"}`}},
		{name: "old appliance", change: set(func(o *simintersight.Options) { o.OldAppliance = true })},
		{name: "old appliance that does not name what it lacks", change: set(func(o *simintersight.Options) {
			o.OldAppliance, o.Refusal = true, simintersight.RefuseMute
		})},
		{name: "filtered by what an old appliance lacks", change: set(func(o *simintersight.Options) { o.Missing = []string{"LoginType"} }), settings: settings{more: "filter: {login_type: weblogin}"}},
		{name: "filter is ignored", change: set(func(o *simintersight.Options) { o.IgnoreFilter = true }), settings: settings{more: "filter: {role: Read-Only}"}},
		{name: "redirect", change: fault(faults.Redirect("https://login.example.com/"))},
		{name: "login page", change: fault(faults.LoginPage())},
		{name: "login page with a 401", change: fault(faults.Gateway(http.StatusUnauthorized))},
		{name: "forbidden by a gateway", change: fault(faults.Gateway(http.StatusForbidden))},
		{name: "bad request", change: fault(faults.Answer(http.StatusBadRequest, "text/plain", `{"code":"InvalidRequest"}`))},
		{name: "not found", change: fault(faults.Gateway(http.StatusNotFound))},
		{name: "rate limited", change: fault(faults.RetryAfter(http.StatusTooManyRequests, time.Minute))},
		{name: "server error", change: fault(faults.Status(http.StatusInternalServerError))},
		{name: "bad gateway", change: fault(faults.Gateway(http.StatusBadGateway))},
		{name: "unavailable", change: fault(faults.Status(http.StatusServiceUnavailable))},
		{name: "repeats what it is sent", change: fault(faults.Echo(http.StatusUnauthorized))},
		{name: "garbage", change: fault(faults.Garbage(1))},
		{name: "cut off", change: fault(faults.Truncated())},
		{name: "ends before its length", change: fault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"ObjectType":"iam.Session.List","Results":[`))
		})},
		{name: "connection ends", change: fault(faults.Dropped())},
		{name: "hangs", change: fault(faults.Hang()), settings: settings{timeout: "1s"}},
		{name: "hangs in the middle", change: fault(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}), settings: settings{timeout: "1s"}},
		{name: "hangs after the sessions", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: simintersight.PathUsers, Effect: faults.Hang()})
		}, settings: settings{timeout: "3s"}},
		{name: "nothing listens", settings: settings{url: "http://127.0.0.1:1"}},
	}
	var tr transcript
	tr.together(t, len(cases), func(t *testing.T, i int) (string, int, string, bool) {
		c := cases[i]
		if c.sessions == 0 {
			c.sessions = 40
		}
		r := newRig(t, world.Static{API: session.Intersight, Sessions: max(c.sessions, 0)}, simulator.ServeOptions{})
		if c.change != nil {
			c.change(r)
		}
		text, ok := r.run(r.source(c.settings))
		return c.name, r.faults.Requests(), text, ok
	})
	tr.compare(t, "intersight.txt")
}

package preflight

import (
	"net/http"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	"iam_session_exporter/internal/simulator/faults"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

// The same for OAM.
func TestOAM(t *testing.T) {
	set := func(change func(*simoam.Options)) func(*rig) { return func(r *rig) { r.oam.Set(change) } }
	fault := func(e faults.Effect) func(*rig) { return func(r *rig) { r.faults.Set(faults.Fault{Effect: e}) } }
	cases := []struct {
		name     string
		sessions int // 0: 20
		change   func(*rig)
		settings
	}{
		{name: "all is well", settings: settings{more: "role_attribute: role"}},
		{name: "more than one response lists", sessions: 412},
		{name: "more than max_queries can list", sessions: 4120},
		{name: "as many as one response lists", sessions: 28},
		{name: "counts only what it lists", sessions: 100, change: set(func(o *simoam.Options) { o.TotalIsRows = true })},
		{name: "lists few", sessions: 100, change: set(func(o *simoam.Options) { o.Window = 10 })},
		{name: "no session", sessions: -1},
		{name: "no session is not found", sessions: -1, change: set(func(o *simoam.Options) { o.NoMatch404 = true })},
		{name: "no session fits the filter, which is not found", change: set(func(o *simoam.Options) { o.NoMatch404 = true }), settings: settings{more: "filter: {user_id: nobody}"}},
		{name: "XML, and no expiryTime", change: set(func(o *simoam.Options) { o.Form.XMLAlways, o.Form.NoExpiryTime = true, true })},
		{name: "role_attribute in another case", settings: settings{more: "role_attribute: Role"}},
		{name: "all through one proxy", sessions: -1, change: func(r *rig) {
			r.world.AddN(session.OAM, 12, func(_ int, s *world.Session) { s.ClientIP = "192.0.2.77" })
		}},
		{name: "filter is ignored", change: set(func(o *simoam.Options) { o.Filter.Ignore = []string{"idStoreName"} }), settings: settings{more: "filter: {id_store_name: nowhere}"}},
		{name: "wrong password", settings: settings{auth: "basic_auth: {username: monitor, password_file: wrong}"}},
		{name: "wrong password, without a page", change: set(func(o *simoam.Options) { o.EmptyUnauthorized = true }), settings: settings{auth: "basic_auth: {username: monitor, password_file: wrong}"}},
		{name: "bearer token", change: set(func(o *simoam.Options) { o.Bearer = secret }), settings: settings{auth: "authorization: {credentials_file: secret}"}},
		{name: "another bearer token", change: set(func(o *simoam.Options) { o.Bearer = secret }), settings: settings{auth: "authorization: {credentials_file: wrong}"}},
		{name: "OAuth2 token that the gateway refuses", change: func(r *rig) {
			r.faults.Set(faults.Fault{Path: "/token", Effect: faults.JSON(`{"access_token":"` + canary + `","token_type":"Bearer"}`)})
		}, settings: settings{auth: `oauth2: {client_id: client, client_secret_file: secret, token_url: "URL/token"}`}},
		{name: "no login", change: set(func(o *simoam.Options) { o.Users = nil }), settings: settings{auth: "proxy_from_environment: false"}},
		{name: "no right", change: fault(faults.Gateway(http.StatusForbidden))},
		{name: "AdminServer", change: fault(faults.Gateway(http.StatusNotFound))},
		{name: "no POST", change: fault(faults.Gateway(http.StatusMethodNotAllowed))},
		{name: "WebGate before it", change: fault(faults.Redirect("https://login.example.com/oam/server/obrareq.cgi"))},
		{name: "login page", change: fault(faults.LoginPage())},
		{name: "out of HTTP sessions", change: set(func(o *simoam.Options) { o.Cookie, o.MaxHTTPSessions = true, -1 })},
		{name: "error of OAM's own", change: fault(faults.Answer(http.StatusInternalServerError, "application/json", `{"error":"`+canary+`"}`))},
		{name: "unavailable", change: fault(faults.Status(http.StatusServiceUnavailable))},
		{name: "bad gateway", change: fault(faults.Gateway(http.StatusBadGateway))},
		{name: "empty", change: fault(faults.Empty())},
		{name: "cut off", change: fault(faults.Cut())},
		{name: "repeats what it is sent", change: fault(faults.Echo(http.StatusUnauthorized))},
		{name: "clock five minutes ahead", change: set(func(o *simoam.Options) { o.Skew = 5 * time.Minute })},
		{name: "hangs", change: fault(faults.Hang()), settings: settings{timeout: "1s"}},
		{name: "nothing listens", settings: settings{url: "http://127.0.0.1:1"}},
	}
	var tr transcript
	tr.together(t, len(cases), func(t *testing.T, i int) (string, int, string, bool) {
		c := cases[i]
		if c.sessions == 0 {
			c.sessions = 20
		}
		r := newRig(t, world.Static{API: session.OAM, Sessions: max(c.sessions, 0)}, simulator.ServeOptions{})
		if c.change != nil {
			c.change(r)
		}
		text, ok := r.run(r.source(c.settings))
		if n := r.oam.Dangerous(); n > 0 {
			t.Errorf("%s: got %d requests to what ends sessions, want 0", c.name, n)
		}
		return c.name, r.faults.Requests(), text, ok
	})
	tr.compare(t, "oam.txt")
}

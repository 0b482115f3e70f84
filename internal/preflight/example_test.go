package preflight

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator"
	simintersight "iam_session_exporter/internal/simulator/intersight"
	simoam "iam_session_exporter/internal/simulator/oam"
	"iam_session_exporter/internal/simulator/world"
)

const page = "../../docs/troubleshooting.md"

// The page shows what is printed, but for hosts, times and days.
func TestExample(t *testing.T) {
	in := newRig(t, world.Static{API: session.Intersight, Sessions: 96}, simulator.ServeOptions{TLS: true})
	in.inter.Set(func(o *simintersight.Options) { o.NoScope = []string{simintersight.PathUsers} })
	am := newRig(t, world.Static{API: session.OAM, Sessions: 412}, simulator.ServeOptions{TLS: true})
	am.oam.Set(func(o *simoam.Options) { o.Rows = simoam.RowsFixed }) // whoever asks first
	alertmanager := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", in.world.Now().UTC().Format(http.TimeFormat))
	}))
	defer alertmanager.Close()
	in.write("oam.pem", string(am.ca))
	in.write("pseudonyms.key", "0123456789abcdef0123456789abcdef\n")
	source := func(name, api, url, ca, rest string) string {
		return "  - {name: " + name + ", api: " + api + ", url: \"" + url + "\", tls_config: {ca_file: " + ca + "}, " + rest + "}\n"
	}
	c := in.parse("sources:\n" +
		source("intersight-prod", "intersight", in.url, "ca.pem", "oauth2: {client_id: client, client_secret_file: secret}") +
		source("sso-emea", "oam", am.url, "oam.pem", basic) +
		source("sso-test", "oam", am.url, "oam.pem", "basic_auth: {username: monitor, password_file: wrong}") +
		"alerting: {key_file: pseudonyms.key, alertmanagers: [{url: \"" + alertmanager.URL + "\"}]}\n")
	var out bytes.Buffer
	factories := map[session.API]exporter.Factory{session.Intersight: in.factories()[session.Intersight], session.OAM: am.factories()[session.OAM]}
	if ok, err := Run(t.Context(), c, Options{Factories: factories, Now: in.world.Now, Out: &out, Progress: &out}); ok || err != nil {
		t.Errorf("got %t, %v; want false, nil", ok, err)
	}
	in.secretive(out.String())
	am.secretive(out.String())
	hosts := strings.NewReplacer(in.url, "https://intersight.com", am.url, "https://login.example.com",
		strings.TrimPrefix(alertmanager.URL, "http://"), "alertmanager.example.com:9093")
	example := "\n```\n" + times.ReplaceAllString(days.ReplaceAllString(hosts.Replace(out.String()), "valid until 2027-03-01"), "20 ms") + "```\n\n"

	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "<!-- online: made from the code by `make docs` -->\n")
	_, after, ended := strings.Cut(rest, "<!-- end -->")
	if !found || !ended {
		t.Fatalf("%s has no example between its marks", page)
	}
	want := before + "<!-- online: made from the code by `make docs` -->\n" + example + "<!-- end -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not what `make docs` writes; want the example\n%s", page, example)
	}
}

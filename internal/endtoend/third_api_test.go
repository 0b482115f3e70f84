package endtoend

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus"

	"iam_session_exporter/config"
	"iam_session_exporter/internal/exporter"
	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/web"
)

// third is a source of an API that nothing else knows, with an option of its own.
type third struct{ realm string }

func (t *third) Facts() session.Facts { return session.FactRole | session.FactAccountLimit }

func (t *third) Info() session.Info {
	return session.Info{Title: "Realm", Text: "All of " + t.realm + ".", Incomplete: "Only what the realm shows is listed."}
}

func (t *third) Snapshot(ctx context.Context, _ session.Want) (*session.Snapshot, error) {
	session.TraceOf(ctx).Sent(session.Request{What: "GET /who", Code: http.StatusOK, Sent: time.Now()})
	limit := 40
	return &session.Snapshot{
		Taken: time.Now(), Total: 2, Reported: 2,
		Sessions: []session.Session{{ID: 1, Status: session.Active, Role: t.realm, ClientIP: "10.0.0.1", FailedLogins: -1}},
		Resolved: map[session.Dimension]session.Resolution{session.DimensionRole: {}, session.DimensionClientIP: {}},
		Limits:   session.Limits{Sessions: &limit},
	}, nil
}

func (t *third) Close() {}

type thirdOptions struct{ Realm string }

func (o *thirdOptions) Keys() []config.Option {
	return []config.Option{config.Text(&o.Realm, "realm", "the name of a realm", "staff", "whose sessions are read. Default: all")}
}

// A third API is an entry for its configuration and one for its constructor.
func TestThirdAPI(t *testing.T) {
	apis := append(config.Known(), config.API{
		Name: "third", Title: "Third", MinInterval: time.Second, BasicAuth: true, Ways: []string{"basic_auth"},
		Options: func() config.Options { return new(thirdOptions) },
	})
	factories := map[session.API]exporter.Factory{
		"third": func(c config.Source) (session.Source, error) { return &third{c.Options.(*thirdOptions).Realm}, nil },
	}
	dir := t.TempDir()
	write(t, dir, "password", "secret\n")
	text := "sources: [{name: new, api: third, url: https://who.example.com, basic_auth: {username: u, password_file: password}, realm: staff}]"
	c, err := apis.Parse([]byte(text), "iam.yml", dir)
	if err != nil {
		t.Fatal(err)
	}
	if s := c.Sources[0]; s.API != "third" || s.MinInterval != time.Second || !strings.Contains(s.String(), "realm: staff\n") {
		t.Errorf("got %v, want api third, its default of min_interval and its realm", s)
	}
	other := strings.Replace(text, "realm: staff", "max_queries: 9", 1)
	if _, err := apis.Parse([]byte(other), "iam.yml", dir); err == nil || !strings.Contains(err.Error(), "max_queries: is for api: oam only; remove it") {
		t.Errorf("got %v, want that max_queries is for oam only", err)
	}
	if _, err := config.Parse([]byte(text), "iam.yml", dir); err == nil {
		t.Error("got a configuration with an API that is not known, want an error")
	}

	e, err := exporter.New(exporter.Options{Load: func() (*config.Config, error) { return apis.Parse([]byte(text), "iam.yml", dir) },
		Factories: factories, Now: time.Now, Logger: log.NewNopLogger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	h := web.New(web.Options{Exporter: e, Registry: prometheus.NewRegistry(), TelemetryPath: "/metrics", Now: time.Now, Logger: log.NewNopLogger()})
	page := func(path string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		body, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	const labels = `{api="third",source="new"`
	for _, x := range []struct {
		path        string
		want, lacks []string
	}{
		{"/metrics", []string{"iam_source_up" + labels + "} 1", "iam_source_complete" + labels + "} 0", "iam_sessions_limit" + labels + "} 40",
			`iam_sessions_by_role{api="third",role="other",source="new",status="active"} 1`}, []string{"identity_store", "impersonating", "failed_logins", "drift", "iam_oam"}},
		{"/", []string{"Only what the realm shows is listed.", "<dt>Realm</dt>", "All of staff."}, []string{"OAM"}},
		{"/probe?source=new&debug=true", []string{"source new (third)", "GET /who"}, nil},
		{"/sd", []string{`"__meta_iam_api":"third"`}, nil},
	} {
		got := page(x.path)
		for _, want := range x.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s lacks %s\ngot %s", x.path, want, got)
			}
		}
		for _, lacks := range x.lacks {
			if strings.Contains(got, lacks) {
				t.Errorf("%s has %s, want none\ngot %s", x.path, lacks, got)
			}
		}
	}
}

// Nothing but the packages of the APIs, the configuration and the program itself
// names one: all else asks for facts.
func TestAPIsAreNamedOnlyAtHome(t *testing.T) {
	for _, dir := range []string{"../../collector", "../exporter", "../web", "../httpclient", "../preflight", "../logging", "../healthcheck"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got := regexp.MustCompile(`session\.(OAM|Intersight)\b`).Find(text); got != nil && !strings.HasSuffix(file, "_test.go") {
				t.Errorf("%s: got %s, want facts only", file, got)
			}
		}
	}
}

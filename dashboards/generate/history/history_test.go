//go:build dashboards

package history

import (
	"encoding/json"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/testkit"
)

// Each panel's query has data and no error, in a busy world, and in quiet ones
// in which there is nothing to see.
func TestPanelsHaveData(t *testing.T) {
	for name, story := range map[string]*Story{
		"busy": Busy(), "quiet": Quiet(), "only intersight": Only(session.Intersight), "only oam": Only(session.OAM),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			p, err := Start(t.Context(), story, "../../../alerts/rules.yml", t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
			t.Logf("history after %.1f s", time.Since(began).Seconds())
			files, err := filepath.Glob("../../../dashboards/*.json")
			if err != nil || len(files) != 3 {
				t.Fatalf("%d dashboards: %v", len(files), err)
			}
			n := 0
			for _, file := range files {
				n += check(t, p, story, file)
			}
			if n < 90 {
				t.Errorf("only %d queries", n)
			}
			t.Logf("%d queries after %.1f s", n, time.Since(began).Seconds())
			alerts(t, p, name == "busy")
		})
	}
}

type panel struct {
	Type, Title string
	Targets     []struct {
		Expr  string
		Range bool
	}
	Panels []*panel
}

type answer struct {
	Status, Error string
	Data          struct {
		ResultType string
		Result     []struct {
			Metric map[string]string
			Value  []any
			Values [][]any
		}
	}
	Warnings []string
}

// numbers counts the samples that are numbers.
func (a answer) numbers() (n int) {
	for _, r := range a.Data.Result {
		for _, v := range append(r.Values, r.Value) {
			if len(v) == 2 {
				if x, err := strconv.ParseFloat(v[1].(string), 64); err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) {
					n++
				}
			}
		}
	}
	return n
}

// ask sends a query of a panel.
func ask(t *testing.T, p *Prometheus, expr string, asRange bool) answer {
	t.Helper()
	now := p.Now
	q := url.Values{"query": {expr}, "time": {unix(now)}}
	path := "/api/v1/query?"
	if asRange {
		q = url.Values{"query": {expr}, "start": {unix(now.Add(-time.Hour))}, "end": {unix(now)}, "step": {"60"}}
		path = "/api/v1/query_range?"
	}
	var a answer
	testkit.GetJSON(t, p.URL+path+q.Encode(), &a)
	return a
}

// check asks all queries of a dashboard, for all sources and for each of them.
func check(t *testing.T, p *Prometheus, s *Story, file string) (n int) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Annotations struct{ List []struct{ Name, Expr string } }
		Panels      []*panel
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	eventful := len(s.Looks) > 1 // then there is something of everything
	nobodyDown := map[string]bool{"Exporters down": true, "Sources down": true}
	for _, a := range d.Annotations.List {
		expr := strings.NewReplacer("$cluster", ".*", "$source", ".+", "$api", ".+").Replace(a.Expr)
		if a := ask(t, p, expr, true); a.Status != "success" || eventful && a.numbers() == 0 {
			t.Errorf("%s: nothing to mark: %s\n%s", filepath.Base(file), a.Error, expr)
		}
	}
	for i := 0; i < len(d.Panels); i++ {
		panel := d.Panels[i]
		d.Panels = slices.Insert(d.Panels, i+1, panel.Panels...)
		for _, target := range panel.Targets {
			n++
			for _, source := range sources(s) {
				expr := strings.NewReplacer("$__rate_interval", "4m", "$__range", "1h", "$cluster", ".*", "$source", source, "$api", ".+", "$own_idle", "900", "$own_lifetime", "57600").Replace(target.Expr)
				a := ask(t, p, expr, target.Range)
				if a.Status != "success" || len(a.Warnings) > 0 {
					t.Errorf("%s, %s, source %s: %s %v\n%s", filepath.Base(file), panel.Title, source, a.Error, a.Warnings, expr)
				}
				if a.numbers() > 0 {
					if bare := withoutFallback(expr); eventful && source == ".+" && !nobodyDown[panel.Title] && ask(t, p, bare, target.Range).numbers() == 0 {
						t.Errorf("%s, %s: no data but what is said where there is none\n%s", filepath.Base(file), panel.Title, bare)
					}
					continue
				}
				if panel.Type == "stat" || eventful && source == ".+" { // in a young or small world other panels may have nothing to measure, and say so
					t.Errorf("%s, %s, source %s: no data\n%s", filepath.Base(file), panel.Title, source, expr)
				}
				if len(a.Data.Result) > 1 && panel.Type == "stat" && panel.Title != "Sources" {
					t.Errorf("%s, %s: %d numbers", filepath.Base(file), panel.Title, len(a.Data.Result))
				}
			}
		}
	}
	return n
}

// withoutFallback is an expression without the zero, or the words, at its end for
// where there is nothing.
func withoutFallback(expr string) string {
	for _, fallback := range []string{" or on () ", " or 0 * ", " or (0 * ", " or vector(0)"} {
		expr, _, _ = strings.Cut(expr, fallback)
	}
	return expr
}

// sources are the values that the variable may have.
func sources(s *Story) []string {
	all := []string{".+"}
	for _, site := range s.Sites {
		all = append(all, site.Name)
	}
	return all
}

// alerts checks that some fire in a world where there is something to see, and
// none in a quiet one.
func alerts(t *testing.T, p *Prometheus, some bool) {
	t.Helper()
	names := map[string]bool{}
	for _, r := range ask(t, p, `ALERTS{alertstate="firing"}`, false).Data.Result {
		names[r.Metric["alertname"]+" "+r.Metric["source"]] = true
	}
	if some != (len(names) > 0) {
		t.Errorf("alerts that fire: %v", names)
	}
	t.Logf("alerts that fire: %v", names)
}

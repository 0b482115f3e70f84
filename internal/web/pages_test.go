package web

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"iam_session_exporter/alerts"
	"iam_session_exporter/internal/session"
)

// below serves h below a path, as a reverse proxy that strips it does.
func below(t *testing.T, prefix string, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.StripPrefix(prefix, h))
	t.Cleanup(s.Close)
	return s
}

// Every link of every page leads somewhere, also below a path of a reverse proxy.
func TestLinksWorkBelowAPath(t *testing.T) {
	_, h, _ := serve(t, map[string]source{"good": listed(3, true), "bad": failing(session.ReasonAuth, "HTTP 401")})
	s := below(t, "/iam/exporter", h)
	link := regexp.MustCompile(`(?:href|action)="([^"]*)"`)
	seen := map[string]bool{}
	for todo := []string{s.URL + "/iam/exporter/"}; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if seen[at] {
			continue
		}
		seen[at] = true
		res, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d; want %d", at, res.StatusCode, http.StatusOK)
		}
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(page), -1) {
			to, err := res.Request.URL.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			if err != nil || to.Host != res.Request.URL.Host {
				t.Errorf("%s links to %s: %v; want to.Host %v", at, m[1], err, res.Request.URL.Host)
				continue
			}
			to.Fragment = ""
			todo = append(todo, to.String())
		}
	}
	for _, want := range []string{"/iam/exporter/metrics", "/iam/exporter/sd", "/iam/exporter/config", "/iam/exporter/-/ready", "/iam/exporter/favicon.svg",
		"/iam/exporter/runbooks/IAMSourceDown", "/iam/exporter/probe?source=good&debug=true", "/iam/exporter/?refresh=off"} {
		if !seen[s.URL+want] {
			t.Errorf("no link leads to %s", want)
		}
	}
	res, err := http.Get(s.URL + "/iam/exporter/runbooks")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got, want := res.Request.URL.Path, "/iam/exporter/runbooks/"; res.StatusCode != http.StatusOK || got != want {
		t.Errorf("/runbooks: %d at %s, want %s", res.StatusCode, got, want)
	}
}

func TestManySourcesCanBeSearched(t *testing.T) {
	few, many := map[string]source{}, map[string]source{"Login-EMEA": failing(session.ReasonConnect, "refused")}
	for i := range searchAbove {
		few[fmt.Sprintf("site-%02d", i)] = listed(i, true)
		many[fmt.Sprintf("site-%02d", i)] = listed(i, true)
	}
	_, _, s := serve(t, few)
	if _, page, _ := ask(t, "GET", s.URL+"/"); strings.Contains(page, "<form") {
		t.Errorf("a search among %d sources, want none", len(few))
	}
	_, _, s = serve(t, many)
	ask(t, "GET", s.URL+"/metrics")
	for query, want := range map[string]struct{ has, lacks string }{
		"":                        {"site-07", "show all"},
		"?search=emea":            {"Login-EMEA", "site-07"},
		"?search=+SITE-07+":       {"site-07", "Login-EMEA"},
		"?search=nothing":         {"0 found", "<article"},
		"?search=%22%3E%3Cscript": {"0 found", "<script"},
	} {
		_, page, _ := ask(t, "GET", s.URL+"/"+query)
		if !strings.Contains(page, want.has) || strings.Contains(page, want.lacks) {
			t.Errorf("%q lacks %s or has %s\n%s", query, want.has, want.lacks, page)
		}
		if !strings.Contains(page, `<input type="search"`) || !strings.Contains(page, "21 sources: 20 healthy, 1 down") {
			t.Errorf("%q: no search or another summary; want \"<input type=\\\"search\\\"\" in it, \"21 sources: 20 healthy, 1 down\" in it\n%s", query, page)
		}
	}
}

// Above 20 sources those that are healthy take a line each, unless few are shown.
func TestHealthySourcesTakeALine(t *testing.T) {
	many := map[string]source{"down": failing(session.ReasonConnect, "refused")}
	for i := range searchAbove {
		many[fmt.Sprintf("site-%02d", i)] = listed(i, true)
	}
	_, _, s := serve(t, many)
	ask(t, "GET", s.URL+"/metrics")
	for query, want := range map[string]struct{ lines, cards int }{"": {searchAbove, 1}, "?search=site": {0, searchAbove}, "?search=site-0": {0, 10}} {
		_, page, _ := ask(t, "GET", s.URL+"/"+query)
		if lines, cards := strings.Count(page, "<details"), strings.Count(page, "<article"); lines != want.lines || cards != want.cards {
			t.Errorf("%q: %d lines and %d cards, want %v", query, lines, cards, want)
		}
	}
}

func TestRefresh(t *testing.T) {
	_, _, s := serve(t, map[string]source{"a": listed(1, true)})
	_, on, h := ask(t, "GET", s.URL+"/")
	if got := h.Get("Refresh"); got != refreshEvery || !strings.Contains(on, `href="?refresh=off"`) {
		t.Errorf("Refresh: %q, want %q", got, refreshEvery)
	}
	_, off, h := ask(t, "GET", s.URL+"/?refresh=off")
	if got := h.Get("Refresh"); got != "" || !strings.Contains(off, "turn on") {
		t.Errorf(`turned off: Refresh: %q; want ""; off = %v, want "turn on" in it`, got, off)
	}
	_, _, h = ask(t, "GET", s.URL+"/runbooks/")
	if got := h.Get("Refresh"); got != "" {
		t.Errorf(`runbooks: Refresh: %q; want ""`, got)
	}
}

// A runbook begins with what the rules say.
func TestRunbooksShowTheRules(t *testing.T) {
	_, _, s := serve(t, nil)
	all, err := alerts.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 25 {
		t.Fatalf("%d alerts; want at least 25", len(all))
	}
	_, index, _ := ask(t, "GET", s.URL+"/runbooks/")
	escaped := strings.NewReplacer("&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#43;", "+", "&amp;", "&")
	index = escaped.Replace(index)
	for _, a := range all {
		_, page, _ := ask(t, "GET", s.URL+"/runbooks/"+url.PathEscape(a.Name))
		page = escaped.Replace(page)
		for _, want := range []string{"<dd>" + a.Severity, "<dd>" + a.Category, a.Summary, a.Expr, a.Threshold} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q\n%s", a.Name, want, page)
			}
		}
		if a.For != "" && !strings.Contains(page, "<dd>"+a.For+"</dd>") {
			t.Errorf("%s lacks for: %s", a.Name, a.For)
		}
		_, line, _ := strings.Cut(index, ">"+a.Name+"</a>: ")
		if line, _, _ = strings.Cut(line, "</li>"); !strings.Contains(line, a.Severity) {
			t.Errorf("the index has %q of %s, without %s", line, a.Name, a.Severity)
		}
	}
	for _, category := range []string{"security", "operations"} {
		if n := strings.Count(index, "<h2>"+category+"</h2>"); n != 1 {
			t.Errorf("the index has %s %d times; want 1", category, n)
		}
	}
}

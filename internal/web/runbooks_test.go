package web

import (
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"iam_session_exporter/alerts"
	"iam_session_exporter/internal/detection"
)

// shippedBase is where the rules as shipped say that the runbooks are.
const shippedBase = "http://localhost:10987"

// Each alert's runbook_url leads to its page, each page is that of an alert, and
// each link on the way from the list of pages leads somewhere.
func TestRunbooks(t *testing.T) {
	_, _, s := serve(t, map[string]source{"good": listed(3, true)})
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert       string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(alerts.Rules, &rules); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" {
				continue
			}
			wanted["/runbooks/"+r.Alert] = true
			if got := r.Annotations["runbook_url"]; got != shippedBase+"/runbooks/"+r.Alert {
				t.Errorf("%s: runbook_url %s; want %s", r.Alert, got, shippedBase+"/runbooks/"+r.Alert)
			}
		}
	}
	for _, d := range detection.All() {
		wanted["/runbooks/"+d.Alert] = true
	}
	wanted["/runbooks/"+detection.Storm] = true
	href := regexp.MustCompile(`href="([^"]*)"`)
	seen := map[string]bool{}
	for todo := []string{"/runbooks/"}; len(todo) > 0; todo = todo[1:] {
		at := todo[0]
		if seen[at] {
			continue
		}
		seen[at] = true
		code, page, header := ask(t, "GET", s.URL+at)
		if code != 200 {
			t.Errorf("%s: %d; want 200", at, code)
		}
		name, isPage := strings.CutPrefix(at, "/runbooks/")
		if !isPage {
			continue
		}
		if strings.Contains(page, "raw HTML omitted") || strings.Contains(page, "<script") || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s could run a script", at)
		}
		if name != "" {
			for _, part := range []string{"<h1>" + name + "</h1>", "How to check", "Common false positives", "What to do", "How to tune"} {
				if !strings.Contains(page, part) {
					t.Errorf("%s lacks %s\n%s", at, part, page)
				}
			}
		}
		for _, m := range href.FindAllStringSubmatch(page, -1) {
			base := &url.URL{Path: at}
			to, err := base.Parse(m[1])
			if err != nil || to.IsAbs() {
				t.Errorf("%s links to %s: %v", at, m[1], err)
				continue
			}
			todo = append(todo, to.Path)
		}
	}
	for at := range wanted {
		if !seen[at] {
			t.Errorf("%s has no page that a link leads to", at)
		}
	}
	files, err := fs.Glob(alerts.Runbooks, "runbooks/*")
	if err != nil || len(files) != len(wanted) {
		t.Errorf("%d files, want one for each of %d alerts: %v", len(files), len(wanted), err)
	}
}

func TestUnknownRunbook(t *testing.T) {
	_, _, s := serve(t, nil)
	for at, meant := range map[string]string{ // a link each
		"/runbooks/down": "IAMExporterDown IAMSourceDown", "/runbooks/SourceDown": "IAMSourceDown", "/runbooks/session_surge": "IAMSessionSurge",
		"/runbooks/iam": "", "/runbooks/IAMNothing": "", "/runbooks/%3Cscript%3E": "", "/runbooks/..%2f..%2fgo.mod": "",
		"/runbooks/iamsourcedown": "IAMSourceDown", "/runbooks/IAMSorceDown": "IAMSourceDown", "/runbooks/IAMSourceDow": "IAMSourceDown",
	} {
		code, page, _ := ask(t, "GET", s.URL+at)
		if code != 404 || !strings.Contains(page, `href="IAMSourceDown"`) || strings.Contains(page, "<script") {
			t.Errorf("%s: %d; want 404, \"href=\\\"IAMSourceDown\\\"\" in it\n%s", at, code, page)
		}
		_, said, _ := strings.Cut(page, "Did you mean")
		said, _, _ = strings.Cut(said, "</p>")
		var got []string
		for _, m := range regexp.MustCompile(`href="(\w+)"`).FindAllStringSubmatch(said, -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, " ") != meant {
			t.Errorf("%s: suggests %q, want %q", at, got, meant)
		}
	}
	if code, page, _ := ask(t, "GET", s.URL+"/runbooks"); code != 200 || !slices.Contains(strings.Fields(page), "<h1>Runbooks</h1>") {
		t.Errorf("/runbooks: %d; want 200\n%s", code, page)
	}
}

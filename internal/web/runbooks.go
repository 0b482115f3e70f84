package web

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/go-kit/log/level"
	"github.com/yuin/goldmark"

	"iam_session_exporter/alerts"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/detection"
)

//go:embed runbooks.html
var runbooksHTML string

// runbooks are the pages of the alerts, rendered.
type runbooks struct {
	page       *template.Template
	names      []string
	body       map[string]template.HTML
	rules      map[string][]alerts.Alert // by alert, one a severity
	sent       map[string]sentAlert      // by alert: those that the exporter sends itself
	categories []runbookCategory
}

// runbookCategory is a part of the index.
type runbookCategory struct {
	Name   string
	Alerts []runbookLine
}

// runbookLine is an alert in the index.
type runbookLine struct {
	alerts.Alert        // its first rule
	Severities   string // of all its rules
}

// sentAlert is an alert that the exporter sends itself.
type sentAlert struct{ Summary, Severity, Technique, Control string }

// sentCategory is what the index calls those.
const sentCategory = "sent by the exporter itself"

type runbookView struct {
	Name       string // "": the index
	Body       template.HTML
	Rules      []alerts.Alert
	Sent       *sentAlert
	Categories []runbookCategory
	Unknown    bool
	Nearest    []string // what was probably meant
}

// newRunbooks renders all pages at once: they never change.
func newRunbooks() (*runbooks, error) {
	r := &runbooks{
		page: template.Must(template.New("runbooks").Parse(runbooksHTML)),
		body: map[string]template.HTML{}, rules: map[string][]alerts.Alert{}, sent: map[string]sentAlert{},
	}
	files, err := fs.Glob(alerts.Runbooks, "runbooks/*.md")
	if err != nil {
		return nil, fmt.Errorf("runbooks: %w", err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(alerts.Runbooks, file)
		if err != nil {
			return nil, fmt.Errorf("runbooks: %w", err)
		}
		name := strings.TrimSuffix(path.Base(file), ".md")
		// The page has the name as its heading, above the facts of the rules.
		text = bytes.TrimPrefix(text, []byte("# "+name+"\n"))
		var b bytes.Buffer
		// Without an option to the contrary, goldmark escapes HTML and drops
		// dangerous links.
		if err := goldmark.Convert(text, &b); err != nil {
			return nil, fmt.Errorf("runbooks: %s: %w", file, err)
		}
		r.body[name] = template.HTML(b.String())
	}
	r.names = slices.Sorted(maps.Keys(r.body))
	return r, r.index()
}

// index sorts the rules by category, in the order of the rules file.
func (r *runbooks) index() error {
	all, err := alerts.Catalogue()
	if err != nil {
		return err
	}
	for _, a := range all {
		r.rules[a.Name] = append(r.rules[a.Name], a)
		i := slices.IndexFunc(r.categories, func(c runbookCategory) bool { return c.Name == a.Category })
		if i < 0 {
			i = len(r.categories)
			r.categories = append(r.categories, runbookCategory{Name: a.Category})
		}
		c := &r.categories[i]
		if j := slices.IndexFunc(c.Alerts, func(l runbookLine) bool { return l.Name == a.Name }); j >= 0 {
			c.Alerts[j].Severities += ", " + a.Severity
			continue
		}
		c.Alerts = append(c.Alerts, runbookLine{a, a.Severity})
	}
	r.indexSent()
	return nil
}

// indexSent adds the alerts of detections, in the order of their table.
func (r *runbooks) indexSent() {
	c := runbookCategory{Name: sentCategory}
	add := func(name string, a sentAlert) {
		r.sent[name] = a
		c.Alerts = append(c.Alerts, runbookLine{alerts.Alert{Name: name, Summary: a.Summary}, a.Severity})
	}
	for _, d := range detection.All() {
		t := d.Tune(detection.Override{})
		add(d.Alert, sentAlert{d.Summary, strings.Join(d.Severities(&t), ", "), d.Technique, d.Control})
	}
	add(detection.Storm, sentAlert{Summary: detection.StormSummary, Severity: "the highest of those held back"})
	r.categories = append(r.categories, c)
}

// runbook serves the page of an alert, or the index.
func (h *Handler) runbook(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	v := runbookView{Categories: h.runbooks.categories}
	code := http.StatusOK
	if body, known := h.runbooks.body[name]; known {
		v.Name, v.Body, v.Rules = name, body, h.runbooks.rules[name]
		if sent, ok := h.runbooks.sent[name]; ok {
			v.Sent = &sent
		}
	} else if name != "" {
		v.Unknown, v.Nearest, code = true, h.runbooks.nearest(name), http.StatusNotFound
	}
	h.html(w, code, h.runbooks.page, v)
}

// nearest returns the alerts of which a name is a part of at least four letters, or
// else the one whose name is most alike.
func (r *runbooks) nearest(name string) (all []string) {
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	for _, n := range r.names {
		if len(plain) >= 4 && strings.Contains(strings.ToLower(n), plain) {
			all = append(all, n)
		}
	}
	if one := config.Nearest(name, r.names); len(all) == 0 && one != "" {
		all = append(all, one)
	}
	return all
}

// runbookIndex redirects to the index without naming a path of this server, which
// may be below another one of a reverse proxy.
func runbookIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "runbooks/")
	w.WriteHeader(http.StatusFound)
}

// html renders a page that needs nothing but its own style and our icon.
func (h *Handler) html(w http.ResponseWriter, code int, page *template.Template, view any) {
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		level.Error(h.opt.Logger).Log("msg", "Rendering a page failed", "page", page.Name(), "err", err)
		text(w, http.StatusInternalServerError, "The page can't be rendered; see the log.\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // a caller who left is no failure
}

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
)

//go:embed runbooks.html
var runbooksHTML string

// runbooks are the pages of the alerts, drawn.
type runbooks struct {
	page  *template.Template
	names []string
	body  map[string]template.HTML
}

type runbookView struct {
	Name    string
	Body    template.HTML
	Names   []string
	Unknown bool
}

// newRunbooks draws all pages at once: they never change.
func newRunbooks() (*runbooks, error) {
	r := &runbooks{page: template.Must(template.New("runbooks").Parse(runbooksHTML)), body: make(map[string]template.HTML)}
	files, err := fs.Glob(alerts.Runbooks, "runbooks/*.md")
	if err != nil {
		return nil, fmt.Errorf("runbooks: %w", err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(alerts.Runbooks, file)
		if err != nil {
			return nil, fmt.Errorf("runbooks: %w", err)
		}
		var b bytes.Buffer
		// Without an option to the contrary, goldmark escapes HTML and drops
		// dangerous links.
		if err := goldmark.Convert(text, &b); err != nil {
			return nil, fmt.Errorf("runbooks: %s: %w", file, err)
		}
		r.body[strings.TrimSuffix(path.Base(file), ".md")] = template.HTML(b.String())
	}
	r.names = slices.Sorted(maps.Keys(r.body))
	return r, nil
}

// runbook serves the page of an alert, or the list of them.
func (h *Handler) runbook(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	v := runbookView{Names: h.runbooks.names}
	code := http.StatusOK
	if name != "" {
		var known bool
		if v.Body, known = h.runbooks.body[name]; known {
			v.Name = name
		} else {
			v.Unknown, code = true, http.StatusNotFound
		}
	}
	h.html(w, code, h.runbooks.page, v)
}

// html draws a page that needs nothing but its own style.
func (h *Handler) html(w http.ResponseWriter, code int, page *template.Template, view any) {
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		level.Error(h.opt.Logger).Log("msg", "Can't draw a page", "page", page.Name(), "err", err)
		text(w, http.StatusInternalServerError, "The page can't be drawn; see the log.\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // a caller who left is no failure
}

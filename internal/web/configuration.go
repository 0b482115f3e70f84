package web

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/log/level"

	"iam_session_exporter/config"
)

// configText is the text of a configuration, which is made once, however often it
// is asked for.
type configText struct {
	mu   sync.Mutex
	of   *config.Config
	text string
}

func (t *configText) get(c *config.Config) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of != c {
		text, err := c.Public()
		if err != nil {
			return "", err
		}
		t.of, t.text = c, text
	}
	return t.text, nil
}

// configuration shows the one in use, also after a reload has failed.
func (h *Handler) configuration(w http.ResponseWriter, _ *http.Request) {
	body, err := h.config.get(h.opt.Exporter.Config())
	if err != nil {
		level.Error(h.opt.Logger).Log("msg", "Showing the configuration failed", "err", err)
		text(w, http.StatusInternalServerError, "The configuration can't be shown; see the log.\n")
		return
	}
	loaded, failure := h.opt.Exporter.LastReload()
	var top strings.Builder
	top.WriteString("# The configuration in use, with all defaults, loaded at " + loaded.UTC().Format(time.RFC3339) + ".\n")
	if failure != nil {
		top.WriteString("# The last reload failed; the file has another one.\n")
	}
	top.WriteString("# Secrets are <secret>. Users, accounts, reasons of exceptions and values of filters are <hidden>.\n")
	text(w, http.StatusOK, top.String()+body)
}

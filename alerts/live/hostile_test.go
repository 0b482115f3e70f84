//go:build alerting

package live

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"iam_session_exporter/internal/session"
	"iam_session_exporter/internal/simulator/faults"
	"iam_session_exporter/internal/simulator/world"
)

// hostileNames has users whose names attack whoever shows them. Users of Intersight
// are shown in lower case.
func hostileNames(t *testing.T, binary string) {
	names := []string{
		`<script>alert(1)</script>@evil.example`,
		`<img src=x onerror="alert(1)">`,
		`{{ template "email.default.html" . }}{{ .Status }}`,
		"first\nsecond\r\n\tthird\x00\x1b[31m",
		"\u202egro.elpmaxe@nimda\u2066\u200f\u2028",
		"long" + strings.Repeat("é", 5<<10),
		"broken INVALID text",
		`quote " backslash \ 'single' ${PATH} $(id) %s`,
	}
	r := newRig(t, binary)
	r.pager = fmt.Sprintf(`
    slack_configs:
      - {api_url: "%s/chat", channel: "#security", text: '{{ template "email.default.html" . }}'}`, r.receivers)
	r.notify(r.dir)
	e := r.exporter(alerting(r.alertmanager))
	e.intersight.Set(faults.Fault{Effect: faults.Replace("INVALID", "\xff\xc3\x28\xed\xa0\x80")})
	for _, name := range names {
		r.world.Add(session.Intersight, func(s *world.Session) { s.User, s.FailedLogins = name, 12 })
	}
	type message struct {
		Status      string            `json:"status"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	}
	var alerts []message
	until(t, "all alerts are there", func() error {
		r.got.mu.Lock()
		defer r.got.mu.Unlock()
		alerts = nil
		if err := json.Unmarshal(r.got.last, &struct{ Alerts *[]message }{&alerts}); err != nil || len(alerts) != len(names) {
			return fmt.Errorf("%d of %d, %v", len(alerts), len(names), err)
		}
		return nil
	})
	for _, a := range alerts {
		for k, v := range a.Annotations {
			if bad := strings.ContainsFunc(v, dangerous); bad || len(v) > 1<<10 || !utf8.ValidString(v) {
				t.Errorf("annotation %s: %q", k, v)
			}
		}
		if u := a.Annotations["user"]; u == "" || len(u) > 256 {
			t.Errorf("user: %q", u)
		}
		if l := a.Labels; len(l) != 6 || len(l["subject"]) != 18 {
			t.Errorf("labels: %v", l)
		}
	}

	// Alertmanager's own template for mails, rendered as a text: it escapes nothing.
	until(t, "the chat has it", func() error {
		r.got.mu.Lock()
		defer r.got.mu.Unlock()
		text := r.got.chat
		for _, name := range []string{"‹script›", "{{ .status }}", "first�second", "broken ", "%s"} {
			if !strings.Contains(text, name) {
				return fmt.Errorf("no %q in %d bytes: %.2000s", name, len(text), text)
			}
		}
		for _, name := range []string{"<script", "<img src=x"} {
			if strings.Contains(text, name) {
				t.Errorf("%q is in\n%s", name, text)
			}
		}
		return nil
	})
	r.step("done")
}

// dangerous are characters that mark up, control, or turn what stands around them.
func dangerous(c rune) bool {
	return c == '<' || c == '>' || unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029'
}

package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// unflatten undoes the dots of grouped keys, for slogtest.
func unflatten(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		at := out
		parts := strings.Split(k, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	return out
}

func TestHandlerKeepsSlogsContract(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return NewHandler(log.NewJSONLogger(&buf), slog.LevelDebug)
	}, func(t *testing.T) map[string]any {
		m := map[string]any{}
		if err := json.Unmarshal(buf.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if ts, ok := m["ts"]; ok {
			m["time"] = ts
		}
		return unflatten(m)
	})
}

type secret struct{}

func (secret) LogValue() slog.Value { return slog.StringValue("<secret>") }

func TestBothPathsWriteTheSameLine(t *testing.T) {
	for _, format := range Formats {
		var buf bytes.Buffer
		kit, sl, err := New(&buf, "info", format)
		if err != nil {
			t.Fatal(err)
		}
		level.Info(kit).Log("msg", "hello", "n", 40, "err", errors.New("bad"))
		sl.Info("hello", "n", 40, "err", errors.New("bad"))
		lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%s: %d lines: %q; want 2", format, len(lines), lines)
		}
		for _, l := range lines {
			for _, want := range []string{"hello", "handler_test.go", "info", "40", "bad"} {
				if !strings.Contains(l, want) {
					t.Errorf("%s: %q lacks %q", format, l, want)
				}
			}
			if strings.Count(l, "caller") != 1 || strings.Count(l, "ts") != 1 {
				t.Errorf(`%s: ts or caller twice: %s; strings.Count(l, "caller") = %v, want 1; strings.Count(l, "ts") = %v, want 1`, format, l, strings.Count(l, "caller"), strings.Count(l, "ts"))
			}
			if format == "json" && !strings.Contains(l, `"n":40`) {
				t.Errorf("number became a string: %s", l)
			}
		}
	}
}

func TestLevelsAndSecrets(t *testing.T) {
	var buf bytes.Buffer
	kit, sl, err := New(&buf, "warn", "logfmt")
	if err != nil {
		t.Fatal(err)
	}
	level.Info(kit).Log("msg", "quiet")
	sl.Info("quiet")
	sl.Warn("loud", "password", secret{})
	if s := buf.String(); strings.Contains(s, "quiet") || !strings.Contains(s, "password=<secret>") {
		t.Errorf(`%v; want "password=<secret>" in it`, s)
	}
	for _, bad := range [][2]string{{"loud", "logfmt"}, {"info", "xml"}} {
		if _, _, err := New(&buf, bad[0], bad[1]); err == nil {
			t.Errorf("New%v: no error", bad)
		}
	}
}

func TestStdKeepsLinesWhole(t *testing.T) {
	var buf bytes.Buffer
	Std(log.NewLogfmtLogger(&buf)).Println("http: TLS handshake error from 127.0.0.1:46784: EOF")
	if got, want := buf.String(), "msg=\"http: TLS handshake error from 127.0.0.1:46784: EOF\"\n"; got != want {
		t.Errorf("%q; want %q", got, want)
	}
}

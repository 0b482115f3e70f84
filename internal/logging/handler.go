package logging

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Handler is a slog.Handler that writes through a go-kit logger, in the same
// form as the rest of the program: level, ts, caller, msg, then the attributes,
// those of a group under its name and a dot.
type Handler struct {
	to     log.Logger
	least  slog.Level
	prefix string
	attrs  []any
}

// NewHandler returns a handler that writes records of the least level and above.
// to must not add ts and caller itself: the handler knows them better.
func NewHandler(to log.Logger, least slog.Level) *Handler {
	return &Handler{to: to, least: least}
}

// Enabled reports whether records of a level are written.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.least }

// Handle writes a record.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	kv := []any{level.Key(), levelOf(r.Level)}
	if !r.Time.IsZero() {
		kv = append(kv, "ts", r.Time.UTC().Format(time.RFC3339Nano))
	}
	if r.PC != 0 {
		f, _ := runtime.CallersFrames([]uintptr{r.PC}).Next()
		kv = append(kv, "caller", fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line))
	}
	kv = append(kv, "msg", r.Message)
	kv = append(kv, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		kv = flatten(kv, h.prefix, a)
		return true
	})
	return h.to.Log(kv...)
}

// WithAttrs returns a handler that adds attributes to each record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = append([]any{}, h.attrs...)
	for _, a := range attrs {
		c.attrs = flatten(c.attrs, h.prefix, a)
	}
	return &c
}

// WithGroup returns a handler that puts later attributes under a name.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix += name + "."
	return &c
}

func flatten(kv []any, prefix string, a slog.Attr) []any {
	v := a.Value.Resolve()
	switch {
	case a.Equal(slog.Attr{}):
		return kv
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, g := range v.Group() {
			kv = flatten(kv, prefix, g)
		}
		return kv
	}
	return append(kv, prefix+a.Key, v.Any())
}

func levelOf(l slog.Level) level.Value {
	switch {
	case l >= slog.LevelError:
		return level.ErrorValue()
	case l >= slog.LevelWarn:
		return level.WarnValue()
	case l >= slog.LevelInfo:
		return level.InfoValue()
	}
	return level.DebugValue()
}

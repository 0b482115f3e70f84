// Package logging makes the one logger of the program, and lets libraries that
// use log/slog log through it. State is what is logged when it changes.
//
// The logger: https://github.com/go-kit/log
package logging

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// Levels and Formats are the values of --log.level and --log.format.
var (
	Levels  = []string{"debug", "info", "warn", "error"}
	Formats = []string{"logfmt", "json"}
)

// New returns a logger that writes lines to w, and a slog.Logger that writes
// the same lines.
func New(w io.Writer, lvl, format string) (log.Logger, *slog.Logger, error) {
	w = log.NewSyncWriter(w)
	var base log.Logger
	switch format {
	case "logfmt":
		base = log.NewLogfmtLogger(w)
	case "json":
		base = log.NewJSONLogger(w)
	default:
		return nil, nil, fmt.Errorf("log format %q is not one of %v", format, Formats)
	}
	allowed, least, err := parseLevel(lvl)
	if err != nil {
		return nil, nil, err
	}
	filtered := level.NewFilter(base, allowed)
	logger := log.With(filtered, "ts", log.DefaultTimestampUTC, "caller", log.DefaultCaller)
	return logger, slog.New(NewHandler(filtered, least)), nil
}

func parseLevel(s string) (level.Option, slog.Level, error) {
	switch s {
	case "debug":
		return level.AllowDebug(), slog.LevelDebug, nil
	case "info":
		return level.AllowInfo(), slog.LevelInfo, nil
	case "warn":
		return level.AllowWarn(), slog.LevelWarn, nil
	case "error":
		return level.AllowError(), slog.LevelError, nil
	}
	return nil, 0, fmt.Errorf("log level %q is not one of %v", s, Levels)
}

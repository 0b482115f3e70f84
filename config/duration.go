package config

import (
	"strings"
	"time"

	"github.com/prometheus/common/model"
)

// parseDuration reads a duration as Prometheus writes it, or says what is wrong.
func parseDuration(s string) (d time.Duration, problem string) {
	p, err := model.ParseDuration(s)
	switch {
	case err == nil:
		return time.Duration(p), ""
	case strings.HasPrefix(s, "-"):
		return 0, quote(s) + " is negative; a duration is not"
	case s != "" && strings.Trim(s, "0123456789") == "":
		return 0, quote(s) + " has no unit; write, for seconds, " + shorten(s) + "s"
	case strings.Contains(err.Error(), "out of range"):
		return 0, quote(s) + " is too long; the most is 292y"
	}
	return 0, quote(s) + " is not a duration; write whole numbers with the units ms, s, m, h, d, w or y, such as 10s or 1h30m"
}

func shorten(s string) string {
	if len(s) > 10 {
		return s[:10] + "..."
	}
	return s
}

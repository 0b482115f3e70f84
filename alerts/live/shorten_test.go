//go:build alerting

package live

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lastWeek stands for a week ago.
const lastWeek = "25s"

var (
	spans = regexp.MustCompile(`(for: |keep_firing_for: |[[:]|offset )(\d+)([smhd])\b`)
	units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

// shorten makes a minute of the rules a second: each for, keep_firing_for, range,
// step and offset is divided by 60. Last week becomes lastWeek, the week before
// twice that, the hour that must be complete to be compared with ten seconds; and a
// source is stale after 15 seconds. Conditions, thresholds and everything else stay.
func shorten(rules string) string {
	rules = strings.NewReplacer("[2h] offset 167h", "[240s] offset 23m", "[2h] offset 335h", "[240s] offset 48m", "offset 1w", "offset 25m", "offset 2w", "offset 50m",
		"[1h:5m]) >= 12", "[10m:5m]) >= 2", "[1h])) > 900", "[1h])) > 15").Replace(rules)
	return spans.ReplaceAllStringFunc(rules, func(s string) string {
		m := spans.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2]) // digits, says the expression
		return m[1] + strconv.Itoa(int((time.Duration(n) * units[m[3]] / 60).Milliseconds())) + "ms"
	})
}

func TestShorten(t *testing.T) {
	b, err := os.ReadFile("../../alerts/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"for: 3m": "for: 3000ms", "keep_firing_for: 1h": "keep_firing_for: 60000ms", "x[15m]": "x[15000ms]", "x[5m:15s]": "x[5000ms:250ms]",
		"x[1d] offset 2h": "x[1440000ms] offset 120000ms", "x[2h] offset 167h": "x[4000ms] offset 23000ms",
		"for 5m there": "for 5m there", "source:iam_sessions:sum": "source:iam_sessions:sum",
	} {
		if got := shorten(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if got := shorten(string(b)); regexp.MustCompile(`(for: |[[:]|offset )\d+[mhdw]\b`).MatchString(got) || !strings.Contains(got, "[60000ms])) > 15") {
		t.Error("something was not shortened")
	}
}

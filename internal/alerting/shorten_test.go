//go:build alerting

package alerting

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
	spans = regexp.MustCompile(`(for: |keep_firing_for: |\[|offset )(\d+)([mhd])\b`)
	units = map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
)

// shorten makes a minute of the rules a second: each for, keep_firing_for, range
// and offset is divided by 60; a week ago becomes lastWeek, an hour ago ten
// seconds; and a source is stale after 15 seconds. Conditions, thresholds and
// everything else stay.
func shorten(rules string) string {
	rules = spans.ReplaceAllStringFunc(rules, func(s string) string {
		m := spans.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2]) // digits, says the expression
		return m[1] + strconv.Itoa(int((time.Duration(n) * units[m[3]] / 60).Seconds())) + "s"
	})
	return strings.NewReplacer("offset 1w", "offset "+lastWeek, "offset 60s", "offset 10s", "[60s]) > 900", "[60s]) > 15").Replace(rules)
}

func TestShorten(t *testing.T) {
	b, err := os.ReadFile("../../alerts/rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"for: 3m": "for: 3s", "keep_firing_for: 1h": "keep_firing_for: 60s", "x[15m]": "x[15s]", "x[1d] offset 2h": "x[1440s] offset 120s",
		"x offset 1w": "x offset " + lastWeek, "for 5 minutes": "for 5 minutes",
	} {
		if got := shorten(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	if got := shorten(string(b)); regexp.MustCompile(`(for: |\[|offset )\d+[mhdw]`).MatchString(got) || !strings.Contains(got, "[60s]) > 15") {
		t.Error("something was not shortened")
	}
}

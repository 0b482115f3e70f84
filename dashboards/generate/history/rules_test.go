package history

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// An alert is pending for its time, goes on for a while, and begins again.
func TestFire(t *testing.T) {
	r := rule{Alert: "A", For: 2 * time.Minute, KeepFiringFor: time.Minute, Labels: map[string]string{"severity": "info"}}
	begin := time.Unix(6000, 0)
	h := held{labels: map[string]string{"source": "s"}, at: map[int64]bool{}}
	for _, minute := range []int{1, 3, 4, 5, 6, 8, 12} { // one is not enough, and a gap of one is bridged
		h.at[begin.Add(time.Duration(minute)*time.Minute).Unix()] = true
	}
	var out strings.Builder
	r.fire(&out, h, begin, begin.Add(12*time.Minute))
	var got []string
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "ALERTS{") {
			state, at := "pending", 0
			if strings.Contains(line, `alertname="A",severity="info",source="s",alertstate="firing"`) {
				state = "firing"
			}
			if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &at); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%d %s", (at-6000)/60, state))
		}
	}
	want := "1 pending, 3 pending, 4 pending, 5 firing, 6 firing, 7 firing, 8 firing, 9 firing, 12 pending"
	if strings.Join(got, ", ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestLevels(t *testing.T) {
	all := levels([]rule{{Record: "a:c:max", Expr: "a:b:max > 0"}, {Record: "a:b:max", Expr: "m"}, {Record: "a:d:max", Expr: "last_over_time(a:d:max[3m]) or a:c:max"}})
	if got := fmt.Sprintf("%d %s %s %s", len(all), all[0][0].Record, all[1][0].Record, all[2][0].Record); got != "3 a:b:max a:c:max a:d:max" {
		t.Error(got)
	}
}

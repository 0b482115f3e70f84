package notify

import (
	"context"
	"flag"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

var update = flag.Bool("update", false, "write the golden files anew")

// after answers like that after a while, with a clock that is wrong by skew.
func after(d, skew time.Duration, status int) func(context.Context, posted) (*http.Response, error) {
	return func(context.Context, posted) (*http.Response, error) {
		time.Sleep(d / 2)
		date := time.Now().Add(skew).UTC().Format(http.TimeFormat)
		time.Sleep(d / 2)
		return reply(status, "Date", date), nil
	}
}

// One Alertmanager that accepts, one that did and does no more, and one that never
// did.
func TestMetrics(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		old, never := r.add("http://am-1:9093/behind/proxy/"), r.add("https://am-2.example.com")
		am.answer, old.answer, never.answer = after(200*time.Millisecond, 90*time.Second, 200), after(0, -3*time.Second, 202), down
		r.reload()
		time.Sleep(5 * time.Second)
		old.does(after(0, -time.Hour, 503))
		r.Send([]Alert{firing("u-1", 1), resolved("u-2", 1)})
		time.Sleep(5 * time.Second)
		got := r.metrics()
		file := filepath.Join("testdata", "metrics.prom")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; go test -update writes it anew\ngot\n%s\nwant\n%s", file, got, want)
		}
		if problems, err := testutil.CollectAndLint(r.Notifier); err != nil || len(problems) > 0 {
			t.Errorf("promlint: %v, %v; want no problems", problems, err)
		}
	})
}

// Prometheus's own tool finds nothing to say.
func TestPromtool(t *testing.T) {
	in, err := os.Open(filepath.Join("testdata", "metrics.prom"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = in
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v, %s; want no output", err, out)
	}
}

// Nothing else than the metrics of the list, each with its own labels.
func TestMetricNames(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		am.does(after(0, 0, 200))
		r.reload()
		synctest.Wait()
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(r.Notifier)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range families {
			got = append(got, f.GetName())
			for _, m := range f.GetMetric() {
				var labels []string
				for _, l := range m.GetLabel() {
					labels = append(labels, l.GetName())
				}
				want := []string{"alertmanager"}
				if f.GetName() == "iam_alertmanager_requests_total" {
					want = append(want, "code")
				}
				check(t, "labels of "+f.GetName(), labels, want...)
				if c := m.GetCounter(); c != nil && c.GetCreatedTimestamp() == nil {
					t.Errorf("%s has no created timestamp", f.GetName())
				}
				if h := m.GetHistogram(); h != nil && (h.ZeroThreshold == nil || len(h.GetBucket()) == 0) {
					t.Errorf("%s is not both native and classic", f.GetName())
				}
			}
		}
		check(t, "metrics", got, slices.Sorted(slices.Values(names))...)
	})
}

// Whatever is answered, the label "code" has few values.
func TestAnyStatusMakesFewSeries(t *testing.T) {
	m := newMetrics()
	for status := range 1000 {
		m.request("am", status, 0)
	}
	if n := testutil.CollectAndCount(m.requests); n > 70 {
		t.Errorf("%d series; want at most 70", n)
	}
}

// A failure is logged when it begins and when it ends, with host and port only.
func TestLog(t *testing.T) {
	inFakeTime(t, func(r *rig, _ *fake) {
		am := r.add("http://am-1:9093/secret/path/")
		r.started()
		time.Sleep(3 * time.Minute)
		if got := r.log.String(); got != "" {
			t.Errorf("while all is well: %s; want nothing", got)
		}
		for _, status := range []int{503, 401} {
			am.does(always(status))
			for v := range 5 {
				r.Send([]Alert{firing("u-1", v)})
				time.Sleep(time.Minute)
			}
			am.does(nil)
			time.Sleep(3 * time.Minute)
		}
		want := `level=error alertmanager=am-1:9093 msg="Alertmanager does not accept alerts" err="HTTP 503 Service Unavailable"
level=info alertmanager=am-1:9093 msg="Alertmanager accepts alerts again"
level=error alertmanager=am-1:9093 msg="Alertmanager does not accept alerts" err="HTTP 401 Unauthorized"
level=info alertmanager=am-1:9093 msg="Alertmanager accepts alerts again"
`
		if got := r.log.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// Alertmanager's clock is told only by what it accepted, as long as it tells it.
func TestClockSkew(t *testing.T) {
	const series = `iam_alertmanager_clock_skew_seconds{alertmanager="am-0:9093"}`
	inFakeTime(t, func(r *rig, am *fake) {
		var got []string
		for _, answer := range []func(context.Context, posted) (*http.Response, error){
			after(0, time.Hour, 404), after(2*time.Second, -150*time.Second, 200), after(0, time.Hour, 400), always(200),
		} {
			am.does(answer)
			r.reload()
			time.Sleep(62 * time.Second)
			got = append(got, r.value(series))
		}
		check(t, series, got, "", "-150", "-150", "")
	})
}

func TestAccepting(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		other := r.add(am1)
		var got []string
		look := func() {
			time.Sleep(61 * time.Second)
			got = append(got, strings.ToUpper(map[bool]string{true: "yes", false: "no"}[r.Accepting()]))
		}
		am.answer, other.answer = down, always(403)
		look() // nothing is configured yet
		r.reload()
		look()
		other.does(nil)
		look()
		other.does(always(500))
		look()
		check(t, "accepting", got, "NO", "NO", "YES", "NO")
	})
}

package notify

import (
	"net/http"
	"strings"
	"testing"
	"time"

	promconfig "github.com/prometheus/common/config"
)

const (
	am0 = "http://am-0:9093"
	am1 = "http://am-1:9093"
)

// A new Alertmanager gets all that fires, and all that has ended of late, though
// the others have it already.
func TestANewAlertmanagerGetsAll(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		r.Send([]Alert{firing("u-1", 1), firing("u-2", 1)})
		time.Sleep(10 * time.Second)
		r.Send([]Alert{firing("u-1", 2)})
		time.Sleep(10 * time.Second)
		r.Send([]Alert{resolved("u-2", 3)})
		am.take()
		other := r.add(am1)
		other.begin = am.begin
		r.reload()
		check(t, "the new one", other.take(), "20 u-1:2 u-2:3")
		check(t, "the old one", am.take())
	})
}

// One that is gone gets nothing more, not even what was under way, and its series go.
func TestARemovedAlertmanagerGetsNothingMore(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		other := r.add(am1)
		r.started()
		am.does(hang)
		r.Send([]Alert{firing("u-1", 1)})
		time.Sleep(time.Second)
		r.remove(am0)
		begin := time.Now()
		r.reload()
		if took := time.Since(begin); took != 0 {
			t.Errorf("the reload took %s, want no time", took)
		}
		check(t, "until it was removed", am.take(), "0 u-1:1")
		r.Send([]Alert{firing("u-1", 2)})
		time.Sleep(time.Hour)
		check(t, "afterwards", am.take())
		if got := other.take(); len(got) < 60 || got[1] != "1 u-1:2" {
			t.Errorf("the other one got %q; want u-1:2 after a second and a request each minute", got)
		}
		if text := r.metrics(); strings.Contains(text, "am-0") || !strings.Contains(text, "am-1") {
			t.Errorf("series of am-0, or none of am-1, in\n%s", text)
		}
	})
}

// One that stays keeps its counters, what it is owed, and its next try.
func TestAnAlertmanagerThatStaysKeepsAll(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		am.does(always(503))
		r.Send([]Alert{firing("u-1", 1)})
		time.Sleep(10 * time.Second)
		r.reload()
		other := r.add(am1)
		r.reload()
		other.take()
		time.Sleep(22 * time.Second)
		check(t, "over two reloads", am.take(), "0 u-1:1", "1 u-1:1", "3 u-1:1", "7 u-1:1", "15 u-1:1", "31 u-1:1")
		if got := r.value(`iam_alertmanager_requests_total{alertmanager="am-0:9093",code="503"}`); got != "6" {
			t.Errorf("%q requests with 503, want 6", got)
		}
	})
}

// A changed configuration is used at once, with the counters and what is owed.
func TestAChangedAlertmanagerIsTriedAtOnce(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		am.does(always(503))
		r.Send([]Alert{firing("u-1", 1)})
		time.Sleep(20 * time.Second)
		am.take()
		next := &fake{begin: am.begin}
		r.fakes[am0] = next
		r.config.Alertmanagers = []Alertmanager{{URL: am0, Timeout: 10 * time.Second, HTTP: promconfig.HTTPClientConfig{BasicAuth: &promconfig.BasicAuth{Username: "other"}}}}
		r.reload()
		check(t, "with the old client", am.take())
		check(t, "with the new one", next.take(), "20 u-1:1")
		if got := r.value(`iam_alertmanager_requests_total{alertmanager="am-0:9093",code="503"}`); got != "5" {
			t.Errorf("%q requests with 503, want 5", got)
		}
	})
}

// So it is with nothing to send; and a request under way ends as it began, its
// connection not kept.
func TestAChangedAlertmanagerIsAskedAtOnce(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		time.Sleep(20 * time.Second)
		am.does(after(4*time.Second, 0, 200))
		r.Send([]Alert{firing("u-1", 1)})
		time.Sleep(time.Second)
		next := &fake{begin: am.begin}
		r.fakes[am0] = next
		r.config.Alertmanagers = []Alertmanager{{URL: am0, Timeout: 9 * time.Second}}
		r.reload()
		time.Sleep(10 * time.Second)
		check(t, "with the old client", am.take(), "20 u-1:1")
		check(t, "with the new one", next.take(), "24")
		if am.closed != 2 || next.closed != 0 {
			t.Errorf("idle connections closed %d times, and %d of the new client; want 2 (with the reload, after the request) and 0", am.closed, next.closed)
		}
	})
}

// The delay is that of the configuration in force.
func TestResendDelay(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.config.ResendDelay = 10 * time.Minute
		r.started()
		time.Sleep(5 * time.Minute)
		r.config.ResendDelay = 2 * time.Minute
		r.reload()
		time.Sleep(3 * time.Minute)
		check(t, "requests", am.take(), "300", "420")
	})
}

// A configuration that can't be used changes nothing, nor does one that is only
// prepared.
func TestAFailedUpdateChangesNothing(t *testing.T) {
	inFakeTime(t, func(r *rig, am *fake) {
		r.started()
		good := r.config
		if _, err := r.Prepare(Config{ResendDelay: time.Second}); err != nil {
			t.Error(err)
		}
		for want, c := range map[string]Config{
			"needs http or https": {ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: "am-0:9093", Timeout: time.Second}}},
			"credentials":         {ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: "http://u:" + canary + "@am-0:9093", Timeout: time.Second}}},
			"can't be parsed":     {ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: "http://u:" + canary + "@[", Timeout: time.Second}}},
			"nothing but":         {ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: "http://am-0:9093?" + canary, Timeout: time.Second}}},
			"twice":               {ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: am0, Timeout: time.Second}, {URL: "http://AM-0:9093/", Timeout: time.Second}}},
			"timeout":             {ResendDelay: time.Minute, Alertmanagers: []Alertmanager{{URL: am1}}},
			"resend delay":        {Alertmanagers: good.Alertmanagers},
		} {
			if err := r.Update(c); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
				t.Errorf("%v; want %q in the error", err, want)
			}
		}
		time.Sleep(61 * time.Second)
		check(t, "requests", am.take(), "60")
	})
}

// An error in the HTTP configuration names the Alertmanager and the file.
func TestAnErrorNamesTheAlertmanager(t *testing.T) {
	n := New(Options{})
	a := Alertmanager{URL: am0, Timeout: time.Second}
	a.HTTP.TLSConfig.CAFile = "/does/not/exist.pem"
	_, err := n.Prepare(Config{ResendDelay: time.Minute, Alertmanagers: []Alertmanager{a}})
	for _, want := range []string{"am-0:9093", "/does/not/exist.pem"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s in the error", err, want)
		}
	}
}

func TestName(t *testing.T) {
	for url, want := range map[string]string{
		"http://am-0:9093":                        "am-0:9093",
		"http://am-0:9093/":                       "am-0:9093",
		"http://AM-0:9093/a//":                    "am-0:9093/a",
		"http://am-0.example.com":                 "am-0.example.com:80",
		"https://am-0.example.com/a/B/":           "am-0.example.com:443/a/B",
		"https://[2001:DB8::1]/x":                 "[2001:db8::1]:443/x",
		"http://[::1]:9093":                       "[::1]:9093",
		"http://am-0:9093/a%2Fb%20c":              "am-0:9093/a%2Fb%20c",
		"ftp://am-0:9093":                         "",
		"http://":                                 "",
		"http://user:password@am-0:9093":          "",
		"http://am-0:9093/#x":                     "",
		"http://am-0:9093/?":                      "",
		"http://am-0:9093/\x7f":                   "",
		"//am-0:9093":                             "",
		"unix:///run/alertmanager.sock":           "",
		"http://am-0:9093/api/v2/alerts/../../..": "am-0:9093/api/v2/alerts/../../..",
	} {
		got, err := Name(url)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", url, got, err, want)
		}
	}
}

// The path is kept, whatever it is.
func TestThePathIsKept(t *testing.T) {
	for url, want := range map[string]string{
		am0: am0 + "/api/v2/alerts", am0 + "/": am0 + "/api/v2/alerts",
		am0 + "/a/b/": am0 + "/a/b/api/v2/alerts", am0 + "/a%2Fb": am0 + "/a%2Fb/api/v2/alerts",
	} {
		a, err := parseURL(url)
		if err != nil {
			t.Error(err)
		}
		req, err := http.NewRequest(http.MethodPost, a.post, nil)
		if err != nil || req.URL.String() != want {
			t.Errorf("%s: %v, %v; want %s", url, req.URL, err, want)
		}
	}
}

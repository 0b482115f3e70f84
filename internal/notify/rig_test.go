package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kit/log"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"
	"go.uber.org/goleak"

	"iam_session_exporter/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands wherever something is that must not be repeated.
const canary = "alice-canary"

// fake is an Alertmanager in fake time.
type fake struct {
	begin time.Time

	mu     sync.Mutex
	answer func(context.Context, posted) (*http.Response, error) // 200 where nil
	got    []posted
	closed int // how often its idle connections were closed
}

// posted is a request that a fake got.
type posted struct {
	at     time.Duration // since its test began
	bytes  int
	alerts []wire
}

// wire is an alert as it was sent.
type wire struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
}

// String is the request's time in seconds and its alerts as subject:version.
func (p posted) String() string {
	text := fmt.Sprintf("%g", p.at.Seconds())
	for _, a := range p.alerts {
		text += " " + a.Labels["subject"] + ":" + a.Annotations["version"]
	}
	return text
}

func (f *fake) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	p := posted{at: time.Since(f.begin), bytes: len(body)}
	if err := json.Unmarshal(body, &p.alerts); err != nil || p.alerts == nil {
		return nil, fmt.Errorf("not a list: %s", body)
	}
	f.mu.Lock()
	f.got = append(f.got, p)
	answer := f.answer
	f.mu.Unlock()
	if answer == nil {
		return reply(200), nil
	}
	return answer(req.Context(), p)
}

// does has the fake answer like that.
func (f *fake) does(answer func(context.Context, posted) (*http.Response, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// take returns what came since it was last called.
func (f *fake) take() (got []string) {
	for _, p := range f.takeAll() {
		got = append(got, p.String())
	}
	return got
}

func (f *fake) takeAll() []posted {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

// CloseIdleConnections is what a client has that is given up.
func (f *fake) CloseIdleConnections() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

// reply is a response with headers as pairs of name and value.
func reply(status int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(canary))}
}

// always answers all requests alike.
func always(status int, header ...string) func(context.Context, posted) (*http.Response, error) {
	return func(context.Context, posted) (*http.Response, error) { return reply(status, header...), nil }
}

// hang answers nothing.
func hang(ctx context.Context, _ posted) (*http.Response, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// down refuses connections.
func down(context.Context, posted) (*http.Response, error) { return nil, errors.New("refused") }

// rig is a Notifier with fake Alertmanagers, in fake time.
type rig struct {
	*Notifier
	t      *testing.T
	config Config
	fakes  map[string]*fake // by URL
	log    testkit.Buffer
}

// inFakeTime runs a test with one Alertmanager, am.
func inFakeTime(t *testing.T, test func(r *rig, am *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, fakes: map[string]*fake{}, config: Config{ResendDelay: time.Minute}}
		r.Notifier = New(Options{Logger: log.NewLogfmtLogger(&r.log), Transport: func(a Alertmanager) (http.RoundTripper, error) {
			return r.fakes[a.URL], nil
		}})
		am := r.add("http://am-0:9093")
		test(r, am)
		r.Stop(r.t.Context())
		if strings.Contains(r.log.String(), canary) {
			t.Errorf("the log has contents of alerts or answers:\n%s", r.log.String())
		}
	})
}

// add makes another Alertmanager, which start or reload puts into force.
func (r *rig) add(url string) *fake {
	f := &fake{begin: time.Now()}
	r.fakes[url] = f
	r.config.Alertmanagers = append(r.config.Alertmanagers, Alertmanager{URL: url, Timeout: 10 * time.Second})
	return f
}

// remove takes an Alertmanager out of the configuration.
func (r *rig) remove(url string) {
	r.config.Alertmanagers = slices.DeleteFunc(slices.Clone(r.config.Alertmanagers), func(a Alertmanager) bool { return a.URL == url })
}

// reload puts the configuration into force.
func (r *rig) reload() {
	r.t.Helper()
	if err := r.Update(r.config); err != nil {
		r.t.Fatal(err)
	}
}

// started puts the configuration into force, and forgets the first requests.
func (r *rig) started() {
	r.t.Helper()
	answers := map[*fake]func(context.Context, posted) (*http.Response, error){}
	for _, f := range r.fakes {
		answers[f], f.answer = f.answer, nil
	}
	r.reload()
	for f, answer := range answers {
		if got := f.take(); !slices.Equal(got, []string{"0"}) {
			r.t.Fatalf("at the start: %q, want one request without alerts", got)
		}
		f.does(answer)
	}
}

// names are those of all metrics.
var names = []string{
	"iam_alertmanager_up", "iam_alertmanager_last_success_timestamp_seconds", "iam_alertmanager_clock_skew_seconds",
	"iam_alertmanager_alerts_sent_total", "iam_alertmanager_requests_total", "iam_alertmanager_request_duration_seconds",
}

func (r *rig) value(series string) string {
	r.t.Helper()
	return testkit.Value(r.metrics(), series)
}

func (r *rig) metrics() string {
	r.t.Helper()
	synctest.Wait()
	text, err := testutil.CollectAndFormat(r.Notifier, expfmt.TypeTextPlain, names...)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// firing is a state of an alert that fires for half an hour from now.
func firing(subject string, version int) Alert {
	return Alert{
		Labels:      map[string]string{"alertname": "IAMUserBreakGlass", "subject": subject},
		Annotations: map[string]string{"user": canary, "version": fmt.Sprint(version)},
		StartsAt:    time.Now().Add(-time.Minute), EndsAt: time.Now().Add(30 * time.Minute),
	}
}

// resolved is a state of an alert that has just ended.
func resolved(subject string, version int) Alert {
	a := firing(subject, version)
	a.EndsAt = time.Now()
	return a
}

func check(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// lines are those of the log with a text in them.
func (r *rig) lines(text string) (found []string) {
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

package history

import (
	"io"
	"net/http"
	"net/http/httptest"
)

// ownAlerts is what a story's configuration says of the alerts that the exporter sends
// itself. It is scraped far more often than in each interval.
const ownAlerts = `alerting:
  alertmanagers: [{url: "http://alertmanager-0.example.com:9093"}, {url: "http://alertmanager-1.example.com:9093"}]
  key_file: pseudonyms
  interval: 10m
  detections: {login_after_failures: {notify: false}}
`

// alertmanager accepts all alerts and has the clock of the worlds.
type alertmanager struct {
	play   *play
	second bool
}

func (m *alertmanager) RoundTrip(r *http.Request) (*http.Response, error) {
	now := m.play.now()
	answer := httptest.NewRecorder()
	answer.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	before := m.play.End.Sub(now)
	if away := m.play.Outage; m.second && before <= away.From && before > away.To {
		answer.WriteHeader(http.StatusServiceUnavailable)
	}
	_, err := io.Copy(io.Discard, r.Body)
	return answer.Result(), err
}

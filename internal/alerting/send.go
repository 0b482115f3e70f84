package alerting

import (
	"iam_session_exporter/internal/detection"
	"iam_session_exporter/internal/notify"
)

// sender returns what hands alerts to a notifier.
func sender(n *notify.Notifier) func([]detection.Alert) {
	return func(due []detection.Alert) {
		all := make([]notify.Alert, len(due))
		for i, d := range due {
			all[i] = notify.Alert{
				Labels: d.Labels, Annotations: d.Annotations.Texts(),
				StartsAt: d.StartsAt, EndsAt: d.EndsAt, GeneratorURL: d.GeneratorURL,
			}
		}
		n.Send(all)
	}
}
